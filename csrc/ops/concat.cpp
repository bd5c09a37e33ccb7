// SPDX-License-Identifier: Apache-2.0
#include <flownet2/ops.hpp>

#include <string>

#include "ops/checks.hpp"
#include "ops/layout.hpp"

namespace flownet2 {
namespace {

constexpr const char* op = "concat";

std::string name_of(std::size_t input) { return "input " + std::to_string(input); }

}  // namespace

Shape concat_shape(const std::vector<Shape>& inputs) {
  if (inputs.empty()) fail(op, "needs at least one input");
  Shape out = inputs[0];
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Shape& in = inputs[i];
    check_shape(op, name_of(i).c_str(), in);
    if (i == 0) continue;
    if (in.n != out.n || in.h != out.h || in.w != out.w) {
      fail(op, "all inputs must share N, H, W; the first is " + to_string(inputs[0]) + ", another " +
                   to_string(in));
    }
    out.c += in.c;
    check_shape(op, "the result", out);
  }
  return out;
}

void concat(const std::vector<ConstView>& inputs, MutableView out) {
  std::vector<Shape> shapes;
  for (const ConstView& in : inputs) shapes.push_back(in.shape);
  check_out(op, concat_shape(shapes), out);
  std::vector<ChannelPart> parts;
  std::int64_t channel = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ConstView& in = inputs[i];
    check_data(op, name_of(i).c_str(), in.data);
    parts.push_back({channel, in, {}});
    channel += in.shape.c;
  }
  join_planar(parts, out);
}

}  // namespace flownet2
