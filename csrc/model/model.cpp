// SPDX-License-Identifier: Apache-2.0
#include <flownet2/error.hpp>
#include <flownet2/model.hpp>
#include <flownet2/runtime.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include "cpu/dispatch.hpp"
#include "cpu/threads.hpp"
#include "engine/arena.hpp"
#include "engine/network.hpp"
#include "model/model_file.hpp"
#include "model/pictures.hpp"
#include "model/preprocess.hpp"
#include "model/shown.hpp"
#include "ops/checks.hpp"

namespace flownet2 {
namespace {

constexpr const char* who = "flow";

CallSettings settings_of(const ModelOptions& options) {
  if (options.threads < 0 || options.threads > max_threads) {
    fail("model", "threads must be from 1 to " + std::to_string(max_threads) +
                      ", or 0 for the process's, got " + std::to_string(options.threads));
  }
  if (options.precision != Precision::float32 && options.precision != Precision::bfloat16) {
    fail("model", "precision must be float32 or bfloat16");
  }
  return {options.isa.empty() ? &process_kernels() : &kernels_named(options.isa), options.threads};
}

void ask(const std::function<bool()>& stop) {
  if (stop && stop()) throw Error(ErrorCode::cancelled, "the call was stopped");
}

/// The file's parameters; tells the options' functions what share of their numbers was read.
ParameterSource parameters_of(const ModelFile& file, const ModelOptions& options) {
  return [&file, &options, done = 0.0](const std::string& name) mutable {
    ask(options.stop);
    Parameter parameter = file.parameter(name);
    double numbers = 1.0;
    for (const std::int64_t size : parameter.shape) numbers *= static_cast<double>(size);
    done += numbers / static_cast<double>(file.parameters);
    // The weights of composed convolutions are read twice.
    if (options.progress) options.progress(std::min(done, 1.0));
    return parameter;
  };
}

/// Two pictures in, flow of their size out.
void check_network(const ModelFile& file, const Network& network) {
  const Graph& graph = file.graph;
  const auto refuse = [&file](const std::string& what) {
    throw Error(ErrorCode::bad_model_file, file.name() + ": its network " + what +
                                               "; other networks run in Python through their graph");
  };
  if (graph.inputs.size() != 2 || graph.inputs[0].channels != 3 || graph.inputs[1].channels != 3) {
    refuse("does not take two pictures of three channels");
  }
  const bool has_flow = std::any_of(graph.outputs.begin(), graph.outputs.end(),
                                    [](const auto& output) { return output.first == "flow"; });
  if (!has_flow) refuse("has no output 'flow'");
  const Shape image = {1, 3, graph.size_multiple, graph.size_multiple};
  const Shape flow =
      network.output_shapes({{graph.inputs[0].name, image}, {graph.inputs[1].name, image}}, {"flow"})
          .front();
  if (flow != Shape{1, 2, image.h, image.w}) {
    refuse("gives 'flow' as " + to_string(flow) + " for pictures " + to_string(image));
  }
  const std::string& value = file.preprocess.flow_value;
  if (value == "flow") return;
  const bool known = std::any_of(graph.nodes.begin(), graph.nodes.end(),
                                 [&value](const auto& node) { return node.name == value; });
  if (!known) refuse("has no value " + shown_name(value) + ", which its preprocess record names");
  const Shape resized =
      network.output_shapes({{graph.inputs[0].name, image}, {graph.inputs[1].name, image}}, {value})
          .front();
  if (resized.n != 1 || resized.c != 2) {
    refuse("gives " + shown_name(value) + ", which is to be the flow, as " + to_string(resized));
  }
}

ModelInfo info_of(const ModelFile& file, Precision precision, const KernelTable& kernels) {
  ModelInfo info;
  info.network = file.graph.name;
  info.parameters = file.parameters;
  info.stored = file.stored;
  info.precision = precision;
  info.isa = kernels.name;
  info.size_multiple = file.graph.size_multiple;
  info.channel_order = file.preprocess.channel_order;
  info.mean = file.preprocess.mean;
  info.facts = file.facts;
  info.mean_rule = file.preprocess.mean_rule;
  info.size_rule = file.preprocess.size_rule;
  info.second_mean = file.preprocess.second_mean;
  return info;
}

/// While it lives, the tasks of a call ask its `stop`, which was asked once before.
class Stopping {
 public:
  explicit Stopping(const std::function<bool()>& stop) {
    ask(stop);
    if (stop) check_.emplace(stop);
  }

 private:
  std::optional<StopCheck> check_;
};

RunOptions run_options(const FlowOptions& options) {
  RunOptions result;
  result.progress = options.progress;
  return result;
}

void check_outputs(const std::vector<ImagePair>& pairs, const std::vector<FlowView>& out,
                   const ImageSize& size) {
  if (pairs.size() != out.size()) {
    fail(who, std::to_string(pairs.size()) + " pairs need as many outputs, got " +
                  std::to_string(out.size()));
  }
  for (const FlowView& view : out) {
    if (view.data == nullptr) fail(who, "out has no data");
    if (view.height != size.height || view.width != size.width) {
      fail(who, "out must be " + std::to_string(size.height) + "x" + std::to_string(size.width) +
                    ", got " + std::to_string(view.height) + "x" + std::to_string(view.width));
    }
    constexpr auto gap = static_cast<std::ptrdiff_t>(sizeof(float));
    const std::ptrdiff_t least = static_cast<std::ptrdiff_t>(view.width) * 2 * gap;
    const std::ptrdiff_t stride = view.row_stride < 0 ? -view.row_stride : view.row_stride;
    if (stride != 0 && (stride % gap != 0 || stride < least)) {
      fail(who, "row_stride of out must be a multiple of 4 and at least " + std::to_string(least) +
                    " bytes, got " + std::to_string(view.row_stride));
    }
  }
}

}  // namespace

class Model::Implementation {
 public:
  Implementation(const ModelFile& file, const ModelOptions& options)
      : settings_(settings_of(options)),
        preprocess_(file.preprocess),
        info_(info_of(file, options.precision, *settings_.kernels)),
        network_(file.graph, parameters_of(file, options), {options.precision, settings_}),
        probe_(file.probe) {
    check_network(file, network_);
    for (const GraphInput& input : file.graph.inputs) inputs_.push_back(input.name);
    if (options.progress) options.progress(1.0);
  }

  const ModelInfo& info() const { return info_; }
  const std::optional<Probe>& probe() const { return probe_; }

  SizeFit fit(const ImageSize& pictures, SizeRule rule) const {
    return {rule, preprocess_, pictures, info_.size_multiple};
  }

  void flow(const std::vector<ImagePair>& pairs, const std::vector<FlowView>& out,
            const FlowOptions& options) const {
    check_pairs(pairs);
    const ImageView& first = pairs.front().image1;
    const SizeFit fit = this->fit({first.height, first.width}, options.size_rule);
    check_outputs(pairs, out, fit.flow());
    const Tensors tensors = this->tensors(fit, static_cast<std::int64_t>(pairs.size()));
    const ArenaPool::Loan memory(buffers_, tensors.floats);
    const MutableView image1(memory.data(), tensors.image);
    const MutableView image2(memory.data() + tensors.image_floats, tensors.image);
    const MutableView flow(memory.data() + 2 * tensors.image_floats, tensors.flow);
    Pictures images1, images2;
    for (const ImagePair& pair : pairs) {
      images1.push_back(&pair.image1);
      images2.push_back(&pair.image2);
    }
    const Stopping stopping(options.stop);
    const SettingsScope scope(settings_);
    to_tensors(images1, images2, fit, preprocess_, image1, image2);
    compute(image1, image2, {{output(fit), flow}}, options);
    to_flow(flow, fit, out);
  }

  void run(ConstView image1, ConstView image2, const std::vector<NamedOutput>& outputs,
           const FlowOptions& options) const {
    const Stopping stopping(options.stop);
    compute(image1, image2, outputs, options);
  }

  Shape value_shape(const std::string& name, const Shape& image) const {
    return network_.output_shapes({{inputs_[0], image}, {inputs_[1], image}}, {name}).front();
  }

  std::int64_t working_memory(const SizeFit& fit, std::int64_t pairs) const {
    const Tensors tensors = this->tensors(fit, pairs);
    const PlanInfo plan =
        network_.plan_info({{inputs_[0], tensors.image}, {inputs_[1], tensors.image}}, {output(fit)});
    return plan.arena_bytes + tensors.floats * static_cast<std::int64_t>(sizeof(float));
  }

 private:
  /// What the network reads and writes.
  struct Tensors {
    Shape image;
    Shape flow;
    std::int64_t image_floats;
    std::int64_t floats;  // of all three
  };

  /// The value that becomes the flow.
  std::string output(const SizeFit& fit) const {
    return fit.resizes_floats() ? preprocess_.flow_value : std::string("flow");
  }

  Tensors tensors(const SizeFit& fit, std::int64_t pairs) const {
    Tensors result;
    result.image = {pairs, 3, fit.network.height, fit.network.width};
    check_shape(who, "the network's input", result.image);
    result.flow = value_shape(output(fit), result.image);
    const std::int64_t plane = pairs * result.image.h * result.image.w;
    result.image_floats = 3 * plane;
    const std::int64_t flow_floats =
        checked_product(who, 2 * pairs, checked_product(who, result.flow.h, result.flow.w));
    result.floats = checked_product(who, 6, plane) + flow_floats;
    return result;
  }

  void compute(ConstView image1, ConstView image2, const std::vector<NamedOutput>& outputs,
               const FlowOptions& options) const {
    network_.run({{inputs_[0], image1}, {inputs_[1], image2}}, outputs, run_options(options));
  }

  CallSettings settings_;
  Preprocess preprocess_;
  ModelInfo info_;
  Network network_;
  std::vector<std::string> inputs_;
  std::optional<Probe> probe_;
  mutable ArenaPool buffers_;
};

Model::Model(const std::string& path, const ModelOptions& options)
    : implementation_(std::make_unique<Implementation>(ModelFile::open(path), options)) {}
Model::Model(const void* data, std::size_t bytes, const ModelOptions& options)
    : implementation_(std::make_unique<Implementation>(ModelFile::view(data, bytes), options)) {}
Model::~Model() = default;
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;

const ModelInfo& Model::info() const { return implementation_->info(); }

Flow Model::flow(const ImageView& image1, const ImageView& image2, const FlowOptions& options) const {
  const ImageSize size = flow_size({image1.height, image1.width}, options.size_rule);
  Flow result;
  result.height = size.height;
  result.width = size.width;
  result.data = flownet2::working_memory(who, checked_product(who, size.height * size.width, 2));
  flow(image1, image2, {result.data.data(), size.height, size.width, 0}, options);
  return result;
}

void Model::flow(const ImageView& image1, const ImageView& image2, const FlowView& out,
                 const FlowOptions& options) const {
  implementation_->flow({{image1, image2}}, {out}, options);
}

void Model::flow(const std::vector<ImagePair>& pairs, const std::vector<FlowView>& out,
                 const FlowOptions& options) const {
  implementation_->flow(pairs, out, options);
}

SelfCheck Model::self_check(const FlowOptions& options) const {
  const std::optional<Probe>& probe = implementation_->probe();
  if (!probe) return {};
  const ProbePictures pictures = probe_pictures(*probe);
  const auto view = [&](const std::vector<std::uint8_t>& picture) {
    return interleaved(picture.data(), probe->size.height, probe->size.width);
  };
  FlowOptions resized = options;
  resized.size_rule = SizeRule::resize;
  return compare(*probe, flow(view(pictures.first), view(pictures.second), resized).data.data(),
                 info().precision);
}

ImageSize Model::flow_size(const ImageSize& pictures, SizeRule rule) const {
  return implementation_->fit(pictures, rule).flow();
}

std::int64_t Model::working_memory(const ImageSize& pictures, SizeRule rule, std::int64_t pairs) const {
  return implementation_->working_memory(implementation_->fit(pictures, rule), pairs);
}

Shape Model::value_shape(const std::string& name, const Shape& image) const {
  return implementation_->value_shape(name, image);
}

void Model::run(ConstView image1, ConstView image2, const std::vector<NamedOutput>& outputs,
                const FlowOptions& options) const {
  implementation_->run(image1, image2, outputs, options);
}

}  // namespace flownet2
