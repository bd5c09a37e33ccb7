// SPDX-License-Identifier: Apache-2.0
#include "model/preprocess_record.hpp"

#include <cmath>
#include <string>
#include <utility>

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

std::array<float, 3> mean(const Json& value, const char* field) {
  const Json::Array* items = value.as<Json::Array>();
  std::array<float, 3> result = {};
  bool good = items != nullptr && items->size() == result.size();
  for (std::size_t i = 0; good && i < result.size(); ++i) {
    const Json& item = (*items)[i];
    good = item.as<std::int64_t>() != nullptr ||
           (item.as<double>() != nullptr && std::isfinite(*item.as<double>()));
    if (good) result[i] = json_float(item, field);
    good = good && std::abs(result[i]) <= 1;
  }
  if (!good) bad_file("preprocess: " + std::string(field) + " must be three numbers from -1 to 1");
  return result;
}

/// The value of a field whose text is one of some names.
template <typename Value, std::size_t count>
Value choice(const Json& value, const char* field,
             const std::array<std::pair<const char*, Value>, count>& known) {
  const std::string* text = value.as<std::string>();
  std::string names;
  for (const auto& [name, meaning] : known) {
    if (text != nullptr && *text == name) return meaning;
    names += (names.empty() ? "'" : ", '") + std::string(name) + "'";
  }
  bad_file("preprocess: " + std::string(field) + " must be one of " + names + ", got " +
               (text != nullptr ? shown_name(*text) : std::string(value.kind())),
           "a newer flownet2 may know it");
}

constexpr std::array<std::pair<const char*, MeanRule>, 3> mean_rules = {
    {{"given", MeanRule::given}, {"pair", MeanRule::pair}, {"picture", MeanRule::picture}}};
constexpr std::array<std::pair<const char*, SizeRule>, 3> size_rules = {
    {{"resize", SizeRule::resize}, {"pad", SizeRule::pad}, {"crop", SizeRule::crop}}};
constexpr std::array<std::pair<const char*, Resampling>, 3> resamplings = {
    {{"opencv", Resampling::opencv}, {"corners", Resampling::corners}, {"lmb", Resampling::lmb}}};

std::string value_name(const Json& value) {
  const std::string* name = value.as<std::string>();
  if (name == nullptr) bad_file("preprocess: flow_value must be the name of a value");
  return *name;
}

/// Which of the fields were there.
struct Seen {
  bool channel_order = false;
  bool mean = false;
  bool second_mean = false;
};

/// Sets what a member of the record says; false for an unknown one.
bool read_member(const JsonMember& member, Preprocess& record, Seen& seen) {
  if (member.key == "channel_order") {
    record.channel_order = channel_order(member.value);
    seen.channel_order = true;
  } else if (member.key == "mean") {
    record.mean = mean(member.value, "mean");
    seen.mean = true;
  } else if (member.key == "second_mean") {
    record.second_mean = mean(member.value, "second_mean");
    seen.second_mean = true;
  } else if (member.key == "flow_value") {
    record.flow_value = value_name(member.value);
  } else if (member.key == "mean_rule") {
    record.mean_rule = choice(member.value, "mean_rule", mean_rules);
  } else if (member.key == "size_rule") {
    record.size_rule = choice(member.value, "size_rule", size_rules);
  } else if (member.key == "resampling") {
    record.resampling = choice(member.value, "resampling", resamplings);
  } else {
    return false;
  }
  return true;
}

}  // namespace

Preprocess parse_preprocess(std::string_view text) {
  if (text.size() > most_bytes) {
    bad_file("preprocess text of " + std::to_string(text.size()) + " bytes; the limit is " +
             std::to_string(most_bytes));
  }
  const Json content = parse_json(text, "preprocess text");
  const Json::Object* fields = content.as<Json::Object>();
  Preprocess record;
  Seen seen;
  bool known = fields != nullptr;
  for (std::size_t i = 0; known && i < fields->size(); ++i)
    known = read_member((*fields)[i], record, seen);
  if (!known || !seen.channel_order || !seen.mean) {
    bad_file(
        "preprocess text must have the fields channel_order, mean, and may have mean_rule, size_rule, "
        "resampling, flow_value, second_mean; got '" +
        shown(text, 120) + "'");
  }
  if (record.mean_rule != MeanRule::given &&
      (seen.second_mean || record.mean != std::array<float, 3>{})) {
    bad_file("preprocess: this mean_rule leaves no place for a mean");
  }
  if (!seen.second_mean) record.second_mean = record.mean;
  return record;
}

}  // namespace flownet2
