// SPDX-License-Identifier: Apache-2.0
#include "engine/attributes.hpp"

#include <utility>

#include "engine/fields.hpp"

namespace flownet2 {
namespace {

/// Each reader leaves `to` as it is where the field is absent.

void read_integer(const Fields& fields, const char* name, std::int64_t least, std::int64_t& to) {
  if (const Json* value = fields.find(name)) to = json_integer(*value, fields.label(name), least);
}

void read_float(const Fields& fields, const char* name, float& to) {
  if (const Json* value = fields.find(name)) to = json_float(*value, fields.label(name));
}

/// null stands for an absent value.
void read_float(const Fields& fields, const char* name, std::optional<float>& to) {
  const Json* value = fields.find(name);
  if (value != nullptr && value->as<std::nullptr_t>() == nullptr)
    to = json_float(*value, fields.label(name));
}

void read_boolean(const Fields& fields, const char* name, bool& to) {
  if (const Json* value = fields.find(name))
    to = json_as<bool>(*value, fields.label(name), "true or false");
}

Pair as_pair(const Json& value, const std::string& what, std::int64_t least) {
  const auto& items = json_as<Json::Array>(value, what, "a pair (rows, columns)");
  if (items.size() != 2) {
    fail("graph",
         what + " must be a pair (rows, columns), got " + std::to_string(items.size()) + " items");
  }
  return {json_integer(items[0], what, least), json_integer(items[1], what, least)};
}

void read_pair(const Fields& fields, const char* name, std::int64_t least, Pair& to) {
  if (const Json* value = fields.find(name)) to = as_pair(*value, fields.label(name), least);
}

void read_pair(const Fields& fields, const char* name, std::int64_t least, std::optional<Pair>& to) {
  const Json* value = fields.find(name);
  if (value != nullptr && value->as<std::nullptr_t>() == nullptr) {
    to = as_pair(*value, fields.label(name), least);
  }
}

template <typename Enum>
void read_choice(const Fields& fields, const char* name,
                 std::initializer_list<std::pair<const char*, Enum>> choices, Enum& to) {
  const Json* value = fields.find(name);
  if (value == nullptr) return;
  const std::string& text = json_string(*value, fields.label(name));
  std::string allowed;
  for (const auto& [choice, meaning] : choices) {
    if (text == choice) {
      to = meaning;
      return;
    }
    allowed += (allowed.empty() ? "" : " or ") + quoted(choice);
  }
  fail("graph", fields.label(name) + " must be " + allowed + ", got " + quoted(text));
}

ConvolutionAttributes convolution(const Json& object, const std::string& what) {
  const Fields fields(object, what, {"stride", "padding", "leaky_slope"});
  ConvolutionAttributes result;
  read_pair(fields, "stride", 1, result.stride);
  read_pair(fields, "padding", 0, result.padding);
  read_float(fields, "leaky_slope", result.leaky_slope);
  return result;
}

LeakyReluAttributes leaky_relu(const Json& object, const std::string& what) {
  const Fields fields(object, what, {"slope"});
  LeakyReluAttributes result;
  read_float(fields, "slope", result.slope);
  return result;
}

CorrelationOptions correlation(const Json& object, const std::string& what) {
  const Fields fields(object, what, {"max_displacement", "stride", "reduction", "leaky_slope"});
  CorrelationOptions result;
  read_integer(fields, "max_displacement", 0, result.max_displacement);
  read_integer(fields, "stride", 1, result.stride);
  read_choice<Reduction>(fields, "reduction", {{"sum", Reduction::sum}, {"mean", Reduction::mean}},
                         result.reduction);
  read_float(fields, "leaky_slope", result.leaky_slope);
  return result;
}

WarpOptions warp(const Json& object, const std::string& what) {
  const Fields fields(object, what, {"padding", "align_corners", "mask"});
  WarpOptions result;
  read_choice<Padding>(fields, "padding",
                       {{"border", Padding::border}, {"zeros", Padding::zeros}, {"cut", Padding::cut}},
                       result.padding);
  read_boolean(fields, "align_corners", result.align_corners);
  read_boolean(fields, "mask", result.mask);
  return result;
}

ResizeAttributes resize(const Json& object, const std::string& what) {
  const Fields fields(object, what, {"scale", "size", "mode", "align_corners"});
  ResizeAttributes result;
  read_pair(fields, "scale", 1, result.scale);
  read_pair(fields, "size", 1, result.size);
  read_choice<ResizeMode>(fields, "mode",
                          {{"bilinear", ResizeMode::bilinear}, {"nearest", ResizeMode::nearest}},
                          result.mode);
  read_boolean(fields, "align_corners", result.align_corners);
  if (result.scale.has_value() == result.size.has_value()) {
    fail("graph", what + ": give either scale or size");
  }
  if (result.align_corners && result.mode == ResizeMode::nearest) {
    fail("graph", what + ": align_corners has no meaning for mode 'nearest'");
  }
  return result;
}

ElementwiseAttributes elementwise(const Json& object, const std::string& what) {
  const Fields fields(object, what, {"kind", "factor"});
  using Kind = ElementwiseKind;
  ElementwiseAttributes result;
  read_choice<Kind>(fields, "kind",
                    {{"add", Kind::add}, {"sub", Kind::sub}, {"mul", Kind::mul}, {"scale", Kind::scale}},
                    result.kind);
  read_float(fields, "factor", result.factor);
  const Json* factor = fields.find("factor");
  const bool one =
      factor == nullptr || (factor->as<std::int64_t>() != nullptr ? *factor->as<std::int64_t>() == 1
                                                                  : *factor->as<double>() == 1.0);
  if (result.kind != Kind::scale && !one) fail("graph", what + ": factor belongs to kind 'scale'");
  return result;
}

}  // namespace

Attributes parse_attributes(Op op, const Json& object, const std::string& node) {
  const std::string what = "attributes of node " + quoted(node) + " (" + op_name(op) + ")";
  switch (op) {
    case Op::conv2d:
    case Op::conv_transpose2d:
      return convolution(object, what);
    case Op::leaky_relu:
      return leaky_relu(object, what);
    case Op::correlation:
      return correlation(object, what);
    case Op::warp:
      return warp(object, what);
    case Op::resize:
      return resize(object, what);
    case Op::elementwise:
      return elementwise(object, what);
    case Op::channel_norm:
    case Op::concat:
      break;
  }
  const Fields none(object, what, {});
  return {};
}

}  // namespace flownet2
