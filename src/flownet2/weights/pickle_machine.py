# SPDX-License-Identifier: Apache-2.0
"""A pickle machine that cannot run code: protocol 2, the 34 opcodes that state dicts use, inert values only.

Values are None, bool, int, float, str, bytes, tuple, list and the classes of ``pickle_values``; a global is
looked up in an allow-list by the two names as written. Nothing is imported, no attribute is read or set, no
object is built. Work and memory are bounded by the number of opcodes and by the bytes that exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flownet2.weights.containers import Containers
from flownet2.weights.cursor import Cursor, Malformed, show
from flownet2.weights.pickle_values import Global, Map, Namespace

MAX_OPCODES = 1_000_000
MAX_STACK = 100_000
MAX_MEMO = 100_000
MAX_TEXT = 16 << 20
MAX_NAME = 256

_SAVE_STATE_DICT = "save only the state dict again: torch.save(model.state_dict(), path)"


class Actions(Protocol):
    """What a machine may do besides moving plain values; each raises :class:`Malformed` to refuse."""

    @property
    def globals(self) -> Mapping[tuple[str, str], Global]:
        """The allow-list, by module and name."""

    def reduce(self, function: Global, args: tuple[Any, ...], charge: Callable[[int], None]) -> Any:
        """Return the value of a call; ``charge`` counts work against the limit on opcodes."""

    def build(self, target: Any, state: Any) -> None:
        """Give a value its state."""

    def persistent(self, identifier: Any) -> Any:
        """Return the value of a persistent id."""


def run_pickle(cursor: Cursor, containers: Containers, actions: Actions | None = None) -> Any:
    """Run one pickle from the cursor to its STOP and return its value; the cursor stays behind the STOP.

    Without ``actions`` the pickle may hold nothing but plain values. The value is good until ``containers`` is left.

    Raises:
        Malformed: the pickle is broken, too large, or asks for anything that is not on the lists.
    """
    return _Machine(cursor, containers, actions).run()


class _Machine:
    def __init__(self, cursor: Cursor, containers: Containers, actions: Actions | None) -> None:
        self._cursor = cursor
        self._containers = containers
        self._actions = actions
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._opcodes = 0

    def run(self) -> Any:
        cursor = self._cursor
        cursor.expect(b"\x80", "the first opcode of a pickle")
        protocol = cursor.u8("PROTO")
        if protocol != 2:
            cursor.fail(f"pickle protocol {protocol}, only 2 is read", remedy="save it with pickle_protocol=2")
        while True:
            at = cursor.position
            opcode = cursor.u8("an opcode")
            if opcode == _STOP:
                break
            handler = _HANDLERS.get(opcode)
            if handler is None:
                cursor.fail(f"opcode 0x{opcode:02x}{_meaning(opcode)} is not one that state dicts use", at)
            self._charge(1)
            try:
                handler(self)
            except Malformed as fault:
                if not fault.where:
                    fault.where = f"{cursor.label}, offset {at}"
                raise
            if len(self._stack) > MAX_STACK or len(self._marks) > MAX_STACK:
                cursor.fail(f"more than {MAX_STACK} values wait on the stack", at)
        if len(self._stack) != 1 or self._marks:
            cursor.fail(f"the pickle ends with {len(self._stack)} values and {len(self._marks)} marks, not 1 value")
        return self._stack[0]

    @property
    def _acting(self) -> Actions:
        if self._actions is None:
            raise Malformed("a call, state or storage where only plain values belong")
        return self._actions

    def _charge(self, work: int) -> None:
        self._opcodes += work
        if self._opcodes > MAX_OPCODES:
            self._cursor.fail(f"more than {MAX_OPCODES} steps of work")

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _push_new(self, container: list[Any] | Map) -> None:
        self._containers.add(container)
        self._push(container)

    def _pop(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise Malformed("an opcode takes a value that is not on the stack")
        return self._stack.pop()

    def _top(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise Malformed("an opcode uses a value that is not on the stack")
        return self._stack[-1]

    def _pop_to_mark(self) -> list[Any]:
        if not self._marks:
            raise Malformed("an opcode looks for a MARK that is not there")
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def _mark(self) -> None:
        self._marks.append(len(self._stack))

    def _pop_count(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._push(self._containers.tuple(items[::-1]))

    def _long1(self) -> None:
        length = self._cursor.u8("LONG1")
        self._push(int.from_bytes(self._cursor.take(length, "LONG1"), "little", signed=True))

    def _text(self) -> None:
        length = self._cursor.u32("BINUNICODE")
        raw = self._take_text(length, "BINUNICODE")
        try:
            self._push(raw.decode("utf-8"))
        except UnicodeDecodeError:
            raise Malformed(f"text {show(raw)} is not UTF-8") from None

    def _byte_text(self, length: int) -> None:
        raw = self._take_text(length, "a byte string")
        self._push(raw.decode("ascii") if raw.isascii() else raw)

    def _take_text(self, length: int, what: str) -> bytes:
        if length > MAX_TEXT and length <= self._cursor.remaining:
            raise Malformed(f"{what} of {length} bytes, more than {MAX_TEXT}")
        return bytes(self._cursor.take(length, what))

    def _append(self) -> None:
        value = self._pop()
        self._extend([value])

    def _extend(self, values: list[Any]) -> None:
        target = self._top()
        if type(target) is not list:
            raise Malformed(f"APPEND to {kind_of(target)}, not to a list")
        target.extend(values)

    def _set_item(self) -> None:
        value = self._pop()
        key = self._pop()
        self._set_items([key, value])

    def _set_items(self, pairs: list[Any]) -> None:
        target = self._top()
        if type(target) is not Map:
            raise Malformed(f"SETITEM into {kind_of(target)}, not into a dict")
        if len(pairs) % 2:
            raise Malformed("SETITEMS with a key that has no value")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            target.put(key, value)

    def _put(self, slot: int) -> None:
        if len(self._memo) >= MAX_MEMO and slot not in self._memo:
            raise Malformed(f"more than {MAX_MEMO} memo slots")
        self._memo[slot] = self._top()

    def _get(self, slot: int) -> None:
        if slot not in self._memo:
            raise Malformed(f"memo slot {slot} is read before it is written")
        self._push(self._memo[slot])

    def _global(self) -> None:
        module = self._cursor.line(MAX_NAME, "a module name")
        name = self._cursor.line(MAX_NAME, "a global's name")
        key = (module.decode("latin-1"), name.decode("latin-1"))
        found = self._actions.globals.get(key) if self._actions else None
        if found is None:
            raise Malformed(
                f"it names {show('.'.join(key), 2 * MAX_NAME)}, which no state dict needs; nothing was run",
                remedy=_SAVE_STATE_DICT,
            )
        self._push(found)

    def _reduce(self) -> None:
        args = self._pop()
        function = self._pop()
        if type(args) is not tuple:
            raise Malformed(f"a call whose arguments are {kind_of(args)}, not a tuple")
        if not isinstance(function, Global):
            raise Malformed(f"a call of {kind_of(function)}")
        value = self._acting.reduce(function, args, self._charge)
        if type(value) is Map:
            self._push_new(value)
        else:
            self._push(value)

    def _new(self) -> None:
        args = self._pop()
        kind = self._pop()
        if kind is not Global.NAMESPACE or args != ():
            raise Malformed(f"NEWOBJ, an object of {kind_of(kind)}; nothing was run", remedy=_SAVE_STATE_DICT)
        self._push_new(Namespace())

    def _build(self) -> None:
        state = self._pop()
        self._acting.build(self._top(), state)

    def _persistent(self) -> None:
        self._push(self._acting.persistent(self._pop()))


def kind_of(value: object) -> str:
    """Name the kind of a machine value for an error message."""
    if isinstance(value, Global):
        return f"the name {value.value}"
    return "None" if value is None else f"a {type(value).__name__}"


_STOP = ord(".")
_HANDLERS: dict[int, Callable[[_Machine], None]] = {
    ord("("): _Machine._mark,
    ord("c"): _Machine._global,
    ord("R"): _Machine._reduce,
    ord("b"): _Machine._build,
    0x81: _Machine._new,
    ord("Q"): _Machine._persistent,
    ord("}"): lambda m: m._push_new(Map()),
    ord("]"): lambda m: m._push_new([]),
    ord(")"): lambda m: m._push(()),
    ord("t"): lambda m: m._push(m._containers.tuple(m._pop_to_mark())),
    0x85: lambda m: m._pop_count(1),
    0x86: lambda m: m._pop_count(2),
    0x87: lambda m: m._pop_count(3),
    ord("a"): _Machine._append,
    ord("e"): lambda m: m._extend(m._pop_to_mark()),
    ord("s"): _Machine._set_item,
    ord("u"): lambda m: m._set_items(m._pop_to_mark()),
    ord("N"): lambda m: m._push(None),
    0x88: lambda m: m._push(True),
    0x89: lambda m: m._push(False),
    ord("J"): lambda m: m._push(m._cursor.i32("BININT")),
    ord("K"): lambda m: m._push(m._cursor.u8("BININT1")),
    ord("M"): lambda m: m._push(m._cursor.u16("BININT2")),
    0x8A: _Machine._long1,
    ord("G"): lambda m: m._push(m._cursor.big_endian_f64("BINFLOAT")),
    ord("X"): _Machine._text,
    ord("U"): lambda m: m._byte_text(m._cursor.u8("SHORT_BINSTRING")),
    ord("T"): lambda m: m._byte_text(m._cursor.u32("BINSTRING")),
    ord("q"): lambda m: m._put(m._cursor.u8("BINPUT")),
    ord("r"): lambda m: m._put(m._cursor.u32("LONG_BINPUT")),
    ord("h"): lambda m: m._get(m._cursor.u8("BINGET")),
    ord("j"): lambda m: m._get(m._cursor.u32("LONG_BINGET")),
}

_KNOWN_OPCODES = {
    ord("i"): "INST: builds an object",
    ord("o"): "OBJ: builds an object",
    ord("P"): "PERSID: a persistent id as text",
    0x80: "PROTO: a second pickle inside",
    0x82: "EXT1: names an object by number",
    0x83: "EXT2: names an object by number",
    0x84: "EXT4: names an object by number",
    0x8B: "LONG4: a number of up to 2 GiB",
    0x92: "NEWOBJ_EX: builds an object",
    0x93: "STACK_GLOBAL: names an object by text",
}


def _meaning(opcode: int) -> str:
    known = _KNOWN_OPCODES.get(opcode)
    return f" ({known})" if known else ""
