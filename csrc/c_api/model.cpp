// SPDX-License-Identifier: Apache-2.0
#include <flownet2/flownet2.h>
#include <flownet2/flownet2.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "c_api/status.hpp"
#include "ops/checks.hpp"

struct flownet2_model {
  flownet2::Model model;
};

namespace flownet2::c_api {
namespace {

Precision precision_of(int32_t number) {
  if (number == FLOWNET2_FLOAT32) return Precision::float32;
  if (number == FLOWNET2_BFLOAT16) return Precision::bfloat16;
  fail("flownet2_load",
       "precision must be FLOWNET2_FLOAT32 or FLOWNET2_BFLOAT16, got " + std::to_string(number));
}

SizeRule size_rule_of(int32_t number) {
  if (number == FLOWNET2_MODEL_RULE) return SizeRule::model;
  if (number == FLOWNET2_RESIZE) return SizeRule::resize;
  if (number == FLOWNET2_PAD) return SizeRule::pad;
  if (number == FLOWNET2_CROP) return SizeRule::crop;
  fail("flow",
       "size_rule must be FLOWNET2_MODEL_RULE, FLOWNET2_RESIZE, FLOWNET2_PAD or FLOWNET2_CROP, got " +
           std::to_string(number));
}

int32_t number_of(SizeRule rule) {
  if (rule == SizeRule::pad) return FLOWNET2_PAD;
  return rule == SizeRule::crop ? FLOWNET2_CROP : FLOWNET2_RESIZE;
}

int32_t number_of(MeanRule rule) {
  if (rule == MeanRule::pair) return FLOWNET2_MEAN_OF_PAIR;
  return rule == MeanRule::picture ? FLOWNET2_MEAN_OF_PICTURE : FLOWNET2_MEAN_GIVEN;
}

ChannelOrder channel_order_of(const std::string& name, int32_t number) {
  if (number == FLOWNET2_RGB) return ChannelOrder::rgb;
  if (number == FLOWNET2_BGR) return ChannelOrder::bgr;
  fail("flow",
       name + ": channel_order must be FLOWNET2_RGB or FLOWNET2_BGR, got " + std::to_string(number));
}

PixelType pixel_type_of(const std::string& name, int32_t number) {
  if (number == FLOWNET2_UINT8) return PixelType::uint8;
  if (number == FLOWNET2_UINT16) return PixelType::uint16;
  if (number == FLOWNET2_IMAGE_FLOAT32) return PixelType::float32;
  fail("flow", name + ": pixel_type must be FLOWNET2_UINT8, FLOWNET2_UINT16 or " +
                   "FLOWNET2_IMAGE_FLOAT32, got " + std::to_string(number));
}

ImageView image_of(const char* name, const flownet2_image* image) {
  return {image->data,
          pixel_type_of(name, image->pixel_type),
          image->height,
          image->width,
          image->channels,
          image->row_stride,
          image->pixel_stride,
          image->channel_stride,
          channel_order_of(name, image->channel_order)};
}

/// One C callback as the two functions of C++: it is told the share that is done, and asked whether to
/// go on. Both are called on the same thread.
class Callback {
 public:
  Callback(flownet2_progress function, void* user) : function_(function), user_(user) {}

  std::function<void(double)> progress() {
    if (function_ == nullptr) return nullptr;
    return [this](double done) {
      done_ = done;
      if (stop()()) throw Error(ErrorCode::cancelled, "the call was stopped");
    };
  }

  std::function<bool()> stop() {
    if (function_ == nullptr) return nullptr;
    return [this] { return function_(user_, done_) != 0; };
  }

 private:
  flownet2_progress function_;
  void* user_;
  double done_ = 0.0;
};

/// The options of one call; `callback` is made of them, and must outlive what it returns.
FlowOptions flow_options(const flownet2_flow_options& given, Callback& callback) {
  FlowOptions options;
  options.size_rule = size_rule_of(given.size_rule);
  options.progress = callback.progress();
  options.stop = callback.stop();
  return options;
}

ConstView tensor_of(const char* name, const flownet2_tensor* tensor) {
  require(name, tensor);
  return {tensor->data, {tensor->n, tensor->c, tensor->h, tensor->w}};
}

/// Calls make(options) and hands out the model.
template <typename Make>
flownet2_status load(const flownet2_load_options* given, flownet2_model** model, const Make& make) {
  return guarded([&] {
    require("model", model);
    *model = nullptr;
    const flownet2_load_options options = options_of(given);
    Callback callback(options.progress, options.user);
    ModelOptions chosen;
    chosen.precision = precision_of(options.precision);
    chosen.threads = options.threads;
    if (options.isa != nullptr) chosen.isa = options.isa;
    chosen.progress = callback.progress();
    *model = new flownet2_model{make(chosen)};
  });
}

/// Flow of pairs, as flownet2_flow_batch.
void compute(const flownet2_model* model, const flownet2_image* images1, const flownet2_image* images2,
             std::size_t count, const flownet2_flow_options* options, float* const* flows,
             std::ptrdiff_t row_stride) {
  require("model", model);
  const flownet2_flow_options given = options_of(options);
  Callback callback(given.progress, given.user);
  const FlowOptions chosen = flow_options(given, callback);
  std::vector<ImagePair> pairs;
  std::vector<FlowView> views;
  for (std::size_t i = 0; i < count; ++i) {
    pairs.push_back({image_of("image1", &images1[i]), image_of("image2", &images2[i])});
    const ImageView& image = pairs.back().image1;
    const ImageSize size = model->model.flow_size({image.height, image.width}, chosen.size_rule);
    views.push_back({flows[i], size.height, size.width, row_stride});
  }
  model->model.flow(pairs, views, chosen);
}

}  // namespace
}  // namespace flownet2::c_api

using namespace flownet2::c_api;  // the functions below only join the two interfaces

flownet2_status flownet2_load(const char* path, const flownet2_load_options* options,
                              flownet2_model** model) {
  return load(options, model, [&](const flownet2::ModelOptions& chosen) {
    require("path", path);
    return flownet2::Model(path, chosen);
  });
}

flownet2_status flownet2_load_memory(const void* data, size_t bytes,
                                     const flownet2_load_options* options, flownet2_model** model) {
  return load(options, model, [&](const flownet2::ModelOptions& chosen) {
    require("data", data);
    return flownet2::Model(data, bytes, chosen);
  });
}

void flownet2_free(flownet2_model* model) { delete model; }

flownet2_status flownet2_model_info(const flownet2_model* model, flownet2_info* info) {
  return guarded([&] {
    require("model", model);
    require("info", info);
    const flownet2::ModelInfo& known = model->model.info();
    flownet2_info result = {};
    result.network = known.network.c_str();
    result.stored = known.stored.c_str();
    result.isa = known.isa.c_str();
    result.parameters = known.parameters;
    result.size_multiple = known.size_multiple;
    result.precision =
        known.precision == flownet2::Precision::float32 ? FLOWNET2_FLOAT32 : FLOWNET2_BFLOAT16;
    result.channel_order =
        known.channel_order == flownet2::ChannelOrder::rgb ? FLOWNET2_RGB : FLOWNET2_BGR;
    std::copy(known.mean.begin(), known.mean.end(), result.mean);
    std::copy(known.second_mean.begin(), known.second_mean.end(), result.second_mean);
    result.mean_rule = number_of(known.mean_rule);
    result.size_rule = number_of(known.size_rule);
    give(result, info);
  });
}

const char* flownet2_model_fact(const flownet2_model* model, const char* key) {
  if (model == nullptr || key == nullptr) return nullptr;
  const auto& facts = model->model.info().facts;
  const auto found =
      std::find_if(facts.begin(), facts.end(), [&](const auto& fact) { return fact.first == key; });
  return found == facts.end() ? nullptr : found->second.c_str();
}

flownet2_status flownet2_self_check(const flownet2_model* model, flownet2_self_check_result* result) {
  return guarded([&] {
    require("model", model);
    require("result", result);
    const flownet2::SelfCheck found = model->model.self_check();
    flownet2_self_check_result told = {};
    told.stored = found.stored ? 1 : 0;
    told.passed = found.passed ? 1 : 0;
    told.largest = found.largest;
    told.mean = found.mean;
    told.allowed = found.allowed;
    give(told, result);
  });
}

flownet2_status flownet2_flow(const flownet2_model* model, const flownet2_image* image1,
                              const flownet2_image* image2, const flownet2_flow_options* options,
                              float* flow, ptrdiff_t row_stride) {
  return guarded([&] {
    require("image1", image1);
    require("image2", image2);
    require("flow", flow);
    compute(model, image1, image2, 1, options, &flow, row_stride);
  });
}

flownet2_status flownet2_flow_batch(const flownet2_model* model, const flownet2_image* images1,
                                    const flownet2_image* images2, size_t count,
                                    const flownet2_flow_options* options, float* const* flows,
                                    ptrdiff_t row_stride) {
  return guarded([&] {
    require("images1", images1);
    require("images2", images2);
    require("flows", flows);
    compute(model, images1, images2, count, options, flows, row_stride);
  });
}

flownet2_status flownet2_run(const flownet2_model* model, const flownet2_tensor* image1,
                             const flownet2_tensor* image2, const char* name,
                             const flownet2_flow_options* options, flownet2_tensor* out) {
  return guarded([&] {
    require("model", model);
    require("name", name);
    require("out", out);
    const flownet2::ConstView first = tensor_of("image1", image1);
    const flownet2::ConstView second = tensor_of("image2", image2);
    const flownet2_flow_options given = options_of(options);
    Callback callback(given.progress, given.user);
    if (out->data == nullptr) {
      const flownet2::Shape shape = model->model.value_shape(name, first.shape);
      *out = {nullptr, shape.n, shape.c, shape.h, shape.w};
      return;
    }
    const flownet2::MutableView view(out->data, {out->n, out->c, out->h, out->w});
    model->model.run(first, second, {{name, view}}, flow_options(given, callback));
  });
}

flownet2_status flownet2_flow_size(const flownet2_model* model, int64_t height, int64_t width,
                                   int32_t size_rule, int64_t* flow_height, int64_t* flow_width) {
  return guarded([&] {
    require("model", model);
    require("flow_height", flow_height);
    require("flow_width", flow_width);
    const flownet2::ImageSize size = model->model.flow_size({height, width}, size_rule_of(size_rule));
    *flow_height = size.height;
    *flow_width = size.width;
  });
}

flownet2_status flownet2_working_memory(const flownet2_model* model, int64_t height, int64_t width,
                                        int32_t size_rule, int64_t pairs, int64_t* bytes) {
  return guarded([&] {
    require("model", model);
    require("bytes", bytes);
    *bytes = model->model.working_memory({height, width}, size_rule_of(size_rule), pairs);
  });
}
