// SPDX-License-Identifier: Apache-2.0
#include "model/header_text.hpp"

#include <flownet2/error.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/json_text.hpp"
#include "model/shown.hpp"
#include "ops/checks.hpp"

namespace flownet2 {
namespace {

constexpr std::size_t most_axes = 16;
constexpr std::int64_t most_numbers = std::int64_t{1} << 48;  // of a tensor, and of each axis
constexpr std::size_t most_metadata = 10'000;

/// What stands in a tensor's object.
struct Fields {
  std::optional<std::string> dtype;
  std::optional<std::vector<std::int64_t>> shape;
  std::optional<std::vector<std::int64_t>> offsets;
};

class HeaderText {
 public:
  HeaderText(std::string_view text, std::uint64_t size)
      : text_(text, "the header is not valid"), size_(size) {}

  SafetensorsHeader parse() {
    if (!text_.take('{')) text_.fail("it does not begin with '{'");
    bool has_metadata = false;
    members([&](std::string name) {
      if (name == "__metadata__") {
        if (has_metadata) text_.fail("__metadata__ stands twice");
        has_metadata = true;
        metadata();
        return;
      }
      StoredTensor tensor = checked(name, fields(name));
      const auto [place, is_new] = header_.tensors.emplace(std::move(name), std::move(tensor));
      if (!is_new) text_.fail("the tensor " + shown_name(place->first) + " stands twice");
    });
    text_.space();
    if (!text_.at_end()) text_.fail("the text goes on behind its object");
    return std::move(header_);
  }

 private:
  /// Behind the opening brace; `read` reads the value of a name.
  template <typename Read>
  void members(const Read& read) {
    text_.space();
    if (text_.take('}')) return;
    do {
      text_.space();
      if (!text_.take('"')) text_.fail("expected a name in double quotes");
      std::string name = text_.string();
      text_.space();
      if (!text_.take(':')) text_.fail("expected ':'");
      text_.space();
      read(std::move(name));
      text_.space();
    } while (text_.take(','));
    if (!text_.take('}')) text_.fail("expected ',' or '}'");
  }

  void metadata() {
    if (!text_.take('{')) text_.fail("__metadata__ is not an object of texts");
    members([&](std::string name) {
      if (!text_.take('"')) text_.fail("__metadata__ is not an object of texts");
      if (header_.metadata.size() == most_metadata) {
        text_.fail("__metadata__ has more than " + std::to_string(most_metadata) + " texts");
      }
      const auto [place, is_new] = header_.metadata.emplace(std::move(name), text_.string());
      if (!is_new) text_.fail(shown_name(place->first) + " stands twice in __metadata__");
    });
  }

  Fields fields(const std::string& tensor) {
    Fields found;
    if (!text_.take('{')) undescribed(tensor);
    members([&](const std::string& name) {
      if (name == "dtype" && !found.dtype && text_.take('"')) {
        found.dtype = text_.string();
      } else if (name == "shape" && !found.shape && text_.take('[')) {
        found.shape = integers(most_axes);
      } else if (name == "data_offsets" && !found.offsets && text_.take('[')) {
        found.offsets = integers(2);
      } else {
        undescribed(tensor);
      }
    });
    if (!found.dtype || !found.shape || !found.offsets) undescribed(tensor);
    return found;
  }

  [[noreturn]] void undescribed(const std::string& tensor) const {
    text_.fail("tensor " + shown_name(tensor) +
               " is not described by dtype (a text), shape and data_offsets (lists of integers)");
  }

  /// Behind the opening bracket.
  std::vector<std::int64_t> integers(std::size_t most) {
    std::vector<std::int64_t> result;
    text_.space();
    if (text_.take(']')) return result;
    do {
      text_.space();
      const std::optional<std::int64_t> exact = text_.number().exact;
      if (!exact) text_.fail("expected an integer below 2^63");
      if (result.size() == most) text_.fail("a list of more than " + std::to_string(most) + " integers");
      result.push_back(*exact);
      text_.space();
    } while (text_.take(','));
    if (!text_.take(']')) text_.fail("expected ',' or ']'");
    return result;
  }

  StoredTensor checked(const std::string& name, Fields fields) const {
    const std::string who = "tensor " + shown_name(name);
    const std::optional<StoredType> type = find_type(*fields.dtype);
    if (!type) bad_header(who + " has the dtype " + shown_name(*fields.dtype) + ", which is not read");
    const std::int64_t needed = checked_numbers(who, *fields.shape) * type_bytes(*type);
    const std::vector<std::int64_t>& offsets = *fields.offsets;
    if (offsets.size() != 2) bad_header(who + " has data_offsets that are not two integers");
    const std::int64_t begin = offsets[0];
    const std::int64_t end = offsets[1];
    if (begin < 0 || begin > end || static_cast<std::uint64_t>(end) > size_) {
      bad_header(who + " is at bytes " + std::to_string(begin) + " to " + std::to_string(end) +
                 ", outside the " + std::to_string(size_) + " bytes of data");
    }
    if (end - begin != needed) {
      bad_header(who + " has " + std::to_string(end - begin) + " bytes, but its shape and dtype need " +
                 std::to_string(needed));
    }
    return {*type, std::move(*fields.shape), static_cast<std::uint64_t>(begin),
            static_cast<std::uint64_t>(end)};
  }

  /// The product of the sizes. It is bounded without the zeros among them too, so that no part of it
  /// wraps.
  static std::int64_t checked_numbers(const std::string& who, const std::vector<std::int64_t>& shape) {
    std::int64_t bound = 1;
    std::int64_t numbers = 1;
    for (const std::int64_t axis : shape) {
      const std::int64_t factor = axis == 0 ? 1 : axis;
      if (axis < 0 || factor > (most_numbers - 1) / bound) {
        bad_header(who + " has the shape " + to_string(shape) + ", which is not possible");
      }
      bound *= factor;
      numbers *= axis;
    }
    return numbers;
  }

  JsonText text_;
  std::uint64_t size_;
  SafetensorsHeader header_;
};

}  // namespace

SafetensorsHeader parse_header_text(std::string_view text, std::uint64_t size) {
  try {
    return HeaderText(text, size).parse();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
    bad_header(error.what());
  }
}

}  // namespace flownet2
