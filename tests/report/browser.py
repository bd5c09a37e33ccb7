# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium driven by its DevTools protocol, over pipes: nothing but the browser itself is needed."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_PATIENCE_S = 60.0


def _high_pipe() -> tuple[int, int]:
    """A pipe whose descriptors are none of those that the browser wants."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]


class BrowserError(Exception):
    """The browser did not do what was asked, or a script of the page failed."""


class Browser:
    """One page. `events` collects what the protocol reports: requests, messages of the console, exceptions."""

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM is not None
        self.events: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)
        self._buffer = b""
        read_end, self._to_browser = _high_pipe()
        self._from_browser, write_end = _high_pipe()
        # In a container root has no user namespaces to build the sandbox from.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [
            CHROMIUM,
            "--headless=new",
            *sandbox,
            "--remote-debugging-pipe",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        # The browser reads commands from descriptor 3 and writes to 4.
        redirect = ["bash", "-c", f'exec 3<&{read_end} 4>&{write_end} && exec "$@"', "bash"]
        self._process = subprocess.Popen(
            [*redirect, *command], pass_fds=(read_end, write_end), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(read_end)
        os.close(write_end)
        self._session: str | None = None
        target = next(one for one in self._call("Target.getTargets")["targetInfos"] if one["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._to_browser)
        os.close(self._from_browser)

    def resize(self, width: int, height: int = 900, *, scale: float = 1, mobile: bool = False) -> None:
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )

    def prefer(self, scheme: str) -> None:
        """`light` or `dark`."""
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def run_first(self, script: str) -> str:
        """A script that runs before those of every page; `forget` takes what this returns."""
        return str(self._call("Page.addScriptToEvaluateOnNewDocument", source=script)["identifier"])

    def forget(self, script: str) -> None:
        self._call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)

    def open(self, path: Path) -> None:
        """Loads a file; the events of earlier pages are dropped."""
        self.events.clear()
        self._call("Page.navigate", url=path.absolute().as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression, as JSON has it."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, expression: str) -> Any:
        """Waits until an expression is true."""
        end = time.monotonic() + _PATIENCE_S
        while not (value := self.run(expression)):
            if time.monotonic() > end:
                raise BrowserError(f"never true: {expression}")
            time.sleep(0.02)
        return value

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width and height of an element on the screen, which is brought into sight."""
        return tuple(
            self.run(
                f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
                "one.scrollIntoView({block: 'center', behavior: 'instant'}); const box = one.getBoundingClientRect();"
                "return [box.left, box.top, box.width, box.height]; })()"
            )
        )

    def move(self, x: float, y: float) -> None:
        """Moves the mouse there."""
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x: float, y: float) -> None:
        self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click_on(self, selector: str) -> None:
        """Clicks the middle of an element."""
        left, top, width, height = self.box(selector)
        self.click(left + width / 2, top + height / 2)

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            code = {"Enter": 13, "Tab": 9, "ArrowRight": 39, "ArrowDown": 40}.get(key, 0)
            self._call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def write(self, text: str) -> None:
        """Types into what has the focus."""
        self._call("Input.insertText", text=text)

    def screenshot(self, *, whole: bool = False) -> bytes:
        """The window, or the whole page, as PNG."""
        answer = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    def problems(self) -> list[Any]:
        """Errors and warnings of the console, and exceptions, since the page was opened."""
        found = []
        for event in self.events:
            name, content = event["method"], event.get("params", {})
            if name == "Runtime.exceptionThrown":
                found.append(content["exceptionDetails"])
            elif name == "Runtime.consoleAPICalled" and content["type"] in {"error", "warning", "assert"}:
                found.append(content["args"])
            elif name == "Log.entryAdded" and content["entry"]["level"] in {"error", "warning"}:
                found.append(content["entry"])
        return found

    def requests(self) -> list[str]:
        """Addresses that the page asked for, data in itself apart."""
        urls = [
            event["params"]["request"]["url"] for event in self.events if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith("data:")]

    def _call(self, method: str, **params: Any) -> Any:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to_browser, data) :]
        while True:
            answer = self._receive(method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _receive(self, method: str) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._from_browser], [], [], _PATIENCE_S)[0]:
                raise BrowserError(f"{method}: no answer in {_PATIENCE_S:g} s")
            data = os.read(self._from_browser, 1 << 20)
            if not data:
                raise BrowserError(f"{method}: the browser ended with status {self._process.wait()}")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)
