// SPDX-License-Identifier: Apache-2.0
#include "model/preprocess_record.hpp"

#include <cmath>
#include <string>

#include "engine/fields.hpp"
#include "engine/json.hpp"
#include "model/shown.hpp"

namespace flownet2 {
namespace {

constexpr std::size_t most_bytes = 4096;

ChannelOrder channel_order(const Json& value) {
  const std::string* order = value.as<std::string>();
  if (order != nullptr && *order == "rgb") return ChannelOrder::rgb;
  if (order != nullptr && *order == "bgr") return ChannelOrder::bgr;
  bad_file("preprocess: channel_order must be 'rgb' or 'bgr', got " +
           (order != nullptr ? shown_name(*order) : std::string(value.kind())));
}

std::array<float, 3> mean(const Json& value) {
  const Json::Array* items = value.as<Json::Array>();
  std::array<float, 3> result = {};
  bool good = items != nullptr && items->size() == result.size();
  for (std::size_t i = 0; good && i < result.size(); ++i) {
    const Json& item = (*items)[i];
    good = item.as<std::int64_t>() != nullptr ||
           (item.as<double>() != nullptr && std::isfinite(*item.as<double>()));
    if (good) result[i] = json_float(item, "mean");
    good = good && std::abs(result[i]) <= 1;
  }
  if (!good) bad_file("preprocess: mean must be three numbers from -1 to 1");
  return result;
}

}  // namespace

Preprocess parse_preprocess(std::string_view text) {
  if (text.size() > most_bytes) {
    bad_file("preprocess text of " + std::to_string(text.size()) + " bytes; the limit is " +
             std::to_string(most_bytes));
  }
  const Json content = parse_json(text, "preprocess text");
  const Json::Object* fields = content.as<Json::Object>();
  const Json* order = nullptr;
  const Json* numbers = nullptr;
  if (fields != nullptr && fields->size() == 2) {
    for (const JsonMember& member : *fields) {
      if (member.key == "channel_order") order = &member.value;
      if (member.key == "mean") numbers = &member.value;
    }
  }
  if (order == nullptr || numbers == nullptr) {
    bad_file("preprocess text must have the fields channel_order, mean; got '" + shown(text, 120) + "'");
  }
  return {channel_order(*order), mean(*numbers)};
}

}  // namespace flownet2
