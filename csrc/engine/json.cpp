// SPDX-License-Identifier: Apache-2.0
#include "engine/json.hpp"

#include <flownet2/error.hpp>

#include <cmath>
#include <limits>
#include <locale>
#include <sstream>
#include <unordered_set>
#include <utility>

#include "engine/json_text.hpp"

namespace flownet2 {
namespace {

class Reader {
 public:
  Reader(std::string_view text, std::string_view fault) : text_(text, fault) {}

  Json document() {
    Json result = value(0);
    text_.space();
    if (!text_.at_end()) text_.fail("the text goes on behind its value");
    return result;
  }

 private:
  Json value(int depth) {
    if (depth > json_max_depth) text_.fail("nested deeper than " + std::to_string(json_max_depth));
    if (++values_ > json_max_values) {
      text_.fail("more than " + std::to_string(json_max_values) + " values");
    }
    text_.space();
    if (text_.take('{')) return {object(depth)};
    if (text_.take('[')) return {array(depth)};
    if (text_.take('"')) return {text_.string()};
    if (text_.take("true")) return {true};
    if (text_.take("false")) return {false};
    if (text_.take("null")) return {nullptr};
    const JsonText::Number number = text_.number();
    if (number.exact) return {*number.exact};
    return {real(number.text)};
  }

  Json::Object object(int depth) {
    Json::Object members;
    std::unordered_set<std::string> keys;
    text_.space();
    if (text_.take('}')) return members;
    do {
      text_.space();
      if (!text_.take('"')) text_.fail("expected a field's name in double quotes");
      std::string key = text_.string();
      if (!keys.insert(key).second) text_.fail("a field stands twice in one object");
      text_.space();
      if (!text_.take(':')) text_.fail("expected ':'");
      members.push_back({std::move(key), value(depth + 1)});
      text_.space();
    } while (text_.take(','));
    if (!text_.take('}')) text_.fail("expected ',' or '}'");
    return members;
  }

  Json::Array array(int depth) {
    Json::Array items;
    text_.space();
    if (text_.take(']')) return items;
    do {
      items.push_back(value(depth + 1));
      text_.space();
    } while (text_.take(','));
    if (!text_.take(']')) text_.fail("expected ',' or ']'");
    return items;
  }

  /// Rounded as strtod does, in every locale.
  static double real(std::string_view text) {
    std::istringstream stream{std::string(text)};
    stream.imbue(std::locale::classic());
    double result = 0;
    stream >> result;
    if (stream.fail() && std::abs(result) > 1) {
      return std::copysign(std::numeric_limits<double>::infinity(), result);
    }
    return result;
  }

  JsonText text_;
  std::size_t values_ = 0;
};

}  // namespace

const char* Json::kind() const {
  constexpr const char* kinds[] = {"null",     "a boolean", "an integer", "a number",
                                   "a string", "an array",  "an object"};
  return kinds[value.index()];
}

Json parse_json(std::string_view text, std::string_view what) {
  if (text.size() > json_max_bytes) {
    throw Error(ErrorCode::invalid_argument, std::string(what) + " of " + std::to_string(text.size()) +
                                                 " bytes; the limit is " +
                                                 std::to_string(json_max_bytes));
  }
  const std::string fault = std::string(what) + " is not valid JSON";
  return Reader(text, fault).document();
}

}  // namespace flownet2
