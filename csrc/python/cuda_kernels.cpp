// SPDX-License-Identifier: Apache-2.0
// The pointwise kernels of the GPU for Python: arrays that CuPy made, the result written into one of
// them. Queued on the launch stream, nothing is waited for.
#include "python/cuda_kernels.hpp"

#include <flownet2/cuda/channel_norm.hpp>
#include <flownet2/cuda/elementwise.hpp>
#include <flownet2/cuda/epilogue.hpp>
#include <flownet2/cuda/gather.hpp>
#include <flownet2/cuda/link.hpp>
#include <flownet2/cuda/pack.hpp>
#include <flownet2/cuda/resize.hpp>
#include <flownet2/cuda/warp.hpp>
#include <flownet2/error.hpp>

#include <pybind11/stl.h>

#include <array>
#include <exception>
#include <string>
#include <utility>

#include "cuda/launch.hpp"
#include "python/cuda_stream.hpp"
#include "python/cuda_tensor.hpp"

namespace flownet2::python {
namespace {

// ---- helpers

Shape shape_of(const CudaTensor& t) { return {t.size(0), t.size(1), t.size(2), t.size(3)}; }

Padding padding_named(const std::string& name) {
  if (name == "border") return Padding::border;
  if (name == "zeros") return Padding::zeros;
  if (name == "cut") return Padding::cut;
  throw py::value_error("padding must be 'border' or 'zeros' or 'cut', got '" + name + "'");
}

ResizeMode mode_named(const std::string& name) {
  if (name == "bilinear") return ResizeMode::bilinear;
  if (name == "nearest") return ResizeMode::nearest;
  throw py::value_error("mode must be 'bilinear' or 'nearest', got '" + name + "'");
}

ElementwiseKind kind_named(const std::string& name) {
  if (name == "add") return ElementwiseKind::add;
  if (name == "sub") return ElementwiseKind::sub;
  if (name == "mul") return ElementwiseKind::mul;
  if (name == "scale") return ElementwiseKind::scale;
  throw py::value_error("kind must be 'add', 'sub', 'mul' or 'scale', got '" + name + "'");
}

// ---- operators: axes N, C, H, W of any strides

cuda::ConstTensor read(const CudaTensor& t) {
  return {t.data, number_of(t), shape_of(t), {t.strides[0], t.strides[1], t.strides[2], t.strides[3]}};
}
cuda::MutableTensor written(const CudaTensor& t) {
  return {t.data, number_of(t), shape_of(t), {t.strides[0], t.strides[1], t.strides[2], t.strides[3]}};
}

void channel_norm(const py::object& x, const py::object& out, std::uintptr_t launch) {
  const CudaTensor from = cuda_tensor(x, "x", 4, any_float, false);
  const CudaTensor to = cuda_tensor(out, "out", 4, any_float, true);
  expect_shape(to, {from.size(0), 1, from.size(2), from.size(3)});
  queue({&from, &to}, launch,
        [&](void* stream) { cuda::channel_norm(read(from), written(to), stream); });
}

void resize(const py::object& x, const py::object& out, const std::string& mode, bool align_corners,
            std::uintptr_t launch) {
  const CudaTensor from = cuda_tensor(x, "x", 4, any_float, false);
  const CudaTensor to = cuda_tensor(out, "out", 4, any_float, true);
  const ResizeMode how = mode_named(mode);
  expect_shape(to, {from.size(0), from.size(1), to.size(2), to.size(3)});
  queue({&from, &to}, launch,
        [&](void* stream) { cuda::resize(read(from), how, align_corners, written(to), stream); });
}

void warp(const py::object& x, const py::object& flow, const py::object& out, const std::string& padding,
          bool align_corners, bool mask, std::uintptr_t launch) {
  const CudaTensor from = cuda_tensor(x, "x", 4, any_float, false);
  const CudaTensor way = cuda_tensor(flow, "flow", 4, float32, false);
  const CudaTensor to = cuda_tensor(out, "out", 4, any_float, true);
  expect_shape(way, {from.size(0), 2, from.size(2), from.size(3)});
  expect_shape(to, from.shape);
  const WarpOptions options = {padding_named(padding), align_corners, mask};
  queue({&from, &way, &to}, launch,
        [&](void* stream) { cuda::warp(read(from), read(way), options, written(to), stream); });
}

/// LeakyReLU, conversions of layout and type, and pieces of concatenations as well: `scale` by 1.
void elementwise(const std::string& kind, const py::object& a, const py::object& b,
                 const py::object& out, float factor, std::optional<float> leaky_slope,
                 std::uintptr_t launch) {
  const cuda::Elementwise what = {kind_named(kind), factor, leaky_slope.value_or(1.0f)};
  const bool scales = what.kind == ElementwiseKind::scale;
  if (b.is_none() != scales) {
    throw py::type_error(scales ? "b: kind 'scale' takes None"
                                : "b: kind '" + kind + "' takes an array");
  }
  const CudaTensor first = cuda_tensor(a, "a", 4, any_float, false);
  const CudaTensor second = scales ? CudaTensor() : cuda_tensor(b, "b", 4, any_float, false);
  const CudaTensor to = cuda_tensor(out, "out", 4, any_float, true);
  if (!scales) expect_shape(second, first.shape);
  expect_shape(to, first.shape);
  queue({&first, &second, &to}, launch, [&](void* stream) {
    cuda::elementwise(what, read(first), scales ? cuda::ConstTensor() : read(second), written(to),
                      stream);
  });
}

// ---- parts of convolutions

/// x (N, H, W, C) -> out (rows, columns, kernel * kernel * C), rows of all images from `first` on.
void gather(const py::object& x, const py::object& out, std::int64_t kernel, std::int64_t stride,
            std::int64_t padding, std::int64_t first, std::uintptr_t launch) {
  const CudaTensor from = cuda_tensor(x, "x", 4, any_float, false);
  const CudaTensor to = cuda_tensor(out, "out", 3, any_float, true);
  if (from.type != to.type) throw py::type_error("out: expected the dtype of x");
  expect_contiguous(to);
  const cuda::Gather what = cuda::convolution_windows(
      nhwc_shape(from), pixel_pitch(from), cuda::bytes_of(number_of(from)), kernel, stride, padding);
  const std::int64_t window = detail::product("x", kernel * kernel, from.size(3));
  expect_shape(to, {to.size(0), what.out_columns, window});
  if (first < 0) throw py::value_error("first must be at least 0");
  queue({&from, &to}, launch, [&](void* stream) {
    cuda::gather(from.data, what, first, detail::product("first", first, 1) + to.size(0), to.data,
                 stream);
  });
}

void check_bias(const CudaTensor& bias, std::int64_t channels) {
  if (bias.data == nullptr) return;
  expect_shape(bias, {channels});
  if (channels > 1 && bias.strides[0] != 1) throw py::value_error("bias: expected no gaps");
}

/// x (rows, columns, K) -> out (rows, columns, K).
void epilogue(const py::object& x, const py::object& bias, const py::object& out,
              std::optional<float> leaky_slope, std::uintptr_t launch) {
  const CudaTensor from = cuda_tensor(x, "x", 3, any_float, false);
  const CudaTensor to = cuda_tensor(out, "out", 3, any_float, true);
  const CudaTensor terms = bias.is_none() ? CudaTensor() : cuda_tensor(bias, "bias", 1, float32, false);
  cuda::Epilogue what;
  what.rows = from.size(0);
  what.columns = from.size(1);
  what.channels = from.size(2);
  what.in_pitch = pixel_pitch(from);
  what.out_pitch = pixel_pitch(to);
  what.slope = leaky_slope.value_or(1.0f);
  expect_shape(to, {what.rows, what.columns, what.channels});
  check_bias(terms, what.channels);
  queue({&from, &terms, &to}, launch, [&](void* stream) {
    cuda::epilogue(from.data, number_of(from), floats(terms), to.data, number_of(to), what, stream);
  });
}

/// x (rows, W / 2 + 1, 4 * C), rows of the grids from `first` on, C at least K -> into out (N, H, W, K).
void scatter(const py::object& x, const py::object& bias, const py::object& out, std::int64_t first,
             std::optional<float> leaky_slope, std::uintptr_t launch) {
  const CudaTensor from = cuda_tensor(x, "x", 3, any_float, false);
  const CudaTensor to = cuda_tensor(out, "out", 4, any_float, true);
  const CudaTensor terms = bias.is_none() ? CudaTensor() : cuda_tensor(bias, "bias", 1, float32, false);
  cuda::Scatter what;
  what.out = nhwc_shape(to);
  what.in_pitch = pixel_pitch(from);
  what.phase_pitch = from.size(2) / 4;
  what.out_pitch = pixel_pitch(to);
  what.slope = leaky_slope.value_or(1.0f);
  expect_shape(from, {from.size(0), to.size(2) / 2 + 1, 4 * what.phase_pitch});
  check_bias(terms, what.out.c);
  if (first < 0) throw py::value_error("first must be at least 0");
  queue({&from, &terms, &to}, launch, [&](void* stream) {
    cuda::scatter(from.data, number_of(from), floats(terms), to.data, number_of(to), what, first,
                  detail::product("first", first, 1) + from.size(0), stream);
  });
}

// ---- between networks

/// Two pictures (N, H, W, 3) of any strides -> out (N, H, W, 8).
void pack(const py::object& first, const py::object& second, const py::object& out, bool reversed,
          const std::array<float, 3>& mean, std::uintptr_t launch) {
  const CudaTensor a = cuda_tensor(first, "first", 4, "<f4 |u1", false);
  const CudaTensor b = cuda_tensor(second, "second", 4, "<f4 |u1", false);
  const CudaTensor to = cuda_tensor(out, "out", 4, any_float, true);
  if (a.type != b.type) throw py::type_error("second: expected the dtype of first");
  if (a.size(3) != 3) throw py::value_error("first: expected 3 channels as the last axis");
  expect_shape(b, a.shape);
  for (std::size_t i = 0; i < 4; ++i) {
    const bool same = a.size(i) == 1 || a.strides[i] == b.strides[i];
    if (!same) throw py::value_error("second: expected the strides of first");
  }
  expect_shape(to, {a.size(0), a.size(1), a.size(2), 8});
  expect_contiguous(to);
  const cuda::Pictures pictures = {
      a.data,       b.data,      a.type == "|u1", reversed,     {mean[0], mean[1], mean[2]},
      a.size(0),    a.size(1),   a.size(2),       a.strides[0], a.strides[3],
      a.strides[1], a.strides[2]};
  queue({&a, &b, &to}, launch,
        [&](void* stream) { cuda::pack(pictures, to.data, number_of(to), stream); });
}

cuda::QuarterFlow quarter_flow(const CudaTensor& flow, const CudaTensor& pair, float factor) {
  expect_shape(flow, {pair.size(0), pair.size(1) / 4, pair.size(2) / 4, 2});
  return {floats(flow), pixel_pitch(flow), factor};
}

cuda::LinkPictures link_pictures(const CudaTensor& pair, const CudaTensor& out,
                                 const std::string& padding) {
  if (pair.type != out.type) throw py::type_error("out: expected the dtype of pair");
  expect_shape(pair, {pair.size(0), pair.size(1), pair.size(2), 8});
  expect_shape(out, {pair.size(0), pair.size(1), pair.size(2), 16});
  expect_contiguous(pair);
  expect_contiguous(out);
  return {pair.data, number_of(pair), pair.size(0), pair.size(1), pair.size(2), padding_named(padding)};
}

/// pair (N, H, W, 8) as pack leaves it, flow (N, H / 4, W / 4, 2) -> out (N, H, W, 16).
void link(const py::object& pair, const py::object& flow, const py::object& out, float factor,
          const std::string& padding, bool align_corners, std::uintptr_t launch) {
  const CudaTensor from = cuda_tensor(pair, "pair", 4, any_float, false);
  const CudaTensor way = cuda_tensor(flow, "flow", 4, float32, false);
  const CudaTensor to = cuda_tensor(out, "out", 4, any_float, true);
  const cuda::LinkPictures pictures = link_pictures(from, to, padding);
  const cuda::QuarterFlow quarter = quarter_flow(way, from, factor);
  queue({&from, &way, &to}, launch,
        [&](void* stream) { cuda::link(pictures, quarter, align_corners, to.data, stream); });
}

void fusion_link(const py::object& pair, const py::object& small, const py::object& stacked,
                 const py::object& out, const std::pair<float, float>& factors,
                 const std::string& padding, std::uintptr_t launch) {
  const CudaTensor from = cuda_tensor(pair, "pair", 4, any_float, false);
  const CudaTensor way = cuda_tensor(small, "small", 4, float32, false);
  const CudaTensor other = cuda_tensor(stacked, "stacked", 4, float32, false);
  const CudaTensor to = cuda_tensor(out, "out", 4, any_float, true);
  const cuda::LinkPictures pictures = link_pictures(from, to, padding);
  const cuda::QuarterFlow first = quarter_flow(way, from, factors.first);
  const cuda::QuarterFlow second = quarter_flow(other, from, factors.second);
  queue({&from, &way, &other, &to}, launch,
        [&](void* stream) { cuda::fusion_link(pictures, first, second, to.data, stream); });
}

// ---- launch geometry, without a GPU

py::tuple launch_facts(const cuda::Launch& l) {
  return py::make_tuple(py::make_tuple(l.blocks[0], l.blocks[1], l.blocks[2]),
                        py::make_tuple(l.threads[0], l.threads[1]));
}

void translate(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const Error& e) {
    py::set_error(PyExc_ValueError, e.what());
  }
}

void bind_geometry(py::module_& m) {
  m.def("launch_over_image", [](std::int64_t h, std::int64_t w, std::int64_t batch) {
    return launch_facts(cuda::over_image("launch", h, w, batch));
  });
  m.def("launch_over_channels", [](std::int64_t pixels, std::int64_t channels, bool together) {
    return launch_facts(cuda::over_channels("launch", pixels, channels, together));
  });
  m.def("launch_over_pieces", [](std::int64_t pixels, std::int64_t pieces) {
    return launch_facts(cuda::over_pieces("launch", pixels, pieces));
  });
}

}  // namespace

void bind_cuda_kernels(py::module_& m) {
  using py::arg;
  py::register_local_exception_translator(translate);
  const auto stream = arg("launch_stream");
  m.def("channel_norm", channel_norm, arg("x"), arg("out"), py::kw_only(), stream);
  m.def("resize", resize, arg("x"), arg("out"), py::kw_only(), arg("mode"), arg("align_corners"),
        stream);
  m.def("warp", warp, arg("x"), arg("flow"), arg("out"), py::kw_only(), arg("padding"),
        arg("align_corners"), arg("mask"), stream);
  m.def("elementwise", elementwise, arg("kind"), arg("a"), arg("b").none(true), arg("out"),
        py::kw_only(), arg("factor") = 1.0f, arg("leaky_slope") = py::none(), stream);
  m.def("gather", gather, arg("x"), arg("out"), py::kw_only(), arg("kernel"), arg("stride"),
        arg("padding"), arg("first") = 0, stream);
  m.def("epilogue", epilogue, arg("x"), arg("bias").none(true), arg("out"), py::kw_only(),
        arg("leaky_slope") = py::none(), stream);
  m.def("scatter", scatter, arg("x"), arg("bias").none(true), arg("out"), py::kw_only(),
        arg("first") = 0, arg("leaky_slope") = py::none(), stream);
  m.def("pack", pack, arg("first"), arg("second"), arg("out"), py::kw_only(), arg("reversed"),
        arg("mean"), stream);
  m.def("link", link, arg("pair"), arg("flow"), arg("out"), py::kw_only(), arg("factor"), arg("padding"),
        arg("align_corners"), stream);
  m.def("fusion_link", fusion_link, arg("pair"), arg("small"), arg("stacked"), arg("out"), py::kw_only(),
        arg("factors"), arg("padding"), stream);
  bind_geometry(m);
}

}  // namespace flownet2::python
