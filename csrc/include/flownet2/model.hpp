// SPDX-License-Identifier: Apache-2.0
// A model file (docs/model-format.md), ready to compute the flow of pictures.
#pragma once

#include <flownet2/array_view.hpp>
#include <flownet2/export.h>
#include <flownet2/image.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace flownet2 {

/// How a network computes. bfloat16: weights and what convolutions exchange are rounded to it; sums,
/// flow (convolutions to few channels, with their weights), coordinates and correlation stay float32.
enum class Precision { float32, bfloat16 };

struct ModelOptions {
  Precision precision = Precision::float32;
  int threads = 0;  // of one call, from 1 to max_threads; 0: num_threads() at the time of the call
  std::string isa;  // one of isas(); empty: isa()
  /// Told how much of the weights is ready, from 0 to 1, on the calling thread. What it throws reaches
  /// the caller, and there is no model.
  std::function<void(double)> progress;
  /// Asked before each of the weights is read, on the calling thread; true ends the loading with
  /// ErrorCode::cancelled.
  std::function<bool()> stop;
};

/// For pictures whose sides are no multiples of ModelInfo::size_multiple.
enum class SizeRule {
  model,   // what ModelInfo::size_rule says
  resize,  // to the next multiples, as mmflow; the flow is resized and scaled back
  pad,     // repeat the last row and column; the flow is cut
  crop,    // the centre, down to multiples, as NVIDIA; the flow has that size
};

/// What is subtracted from pictures in 0..1.
enum class MeanRule {
  given,    // ModelInfo::mean
  pair,     // the mean of each channel over both pictures, as NVIDIA
  picture,  // of each picture, as ptlflow
};

/// For one call. Functions are called on the calling thread; what they throw reaches the caller.
struct FlowOptions {
  SizeRule size_rule = SizeRule::model;
  /// Asked at first and then about every 20 ms; true ends the call with ErrorCode::cancelled. To cancel
  /// from another thread: `std::atomic<bool> stop{false}; options.stop = [&] { return stop.load(); };`
  std::function<bool()> stop;
  /// Told the share of the network's steps that are done, from 0 to 1.
  std::function<void(double)> progress;
};

struct ImagePair {
  ImageView image1;
  ImageView image2;
};

/// What a model file says.
struct ModelInfo {
  std::string network;                       // such as "flownet2"
  std::int64_t parameters = 0;               // numbers in all weights
  std::string stored;                        // what the file stores them as, such as "float32"
  Precision precision = Precision::float32;  // what the model computes in
  std::string isa;                           // what it computes with
  std::int64_t size_multiple = 1;  // what both sides of the network's input must be multiples of
  ChannelOrder channel_order = ChannelOrder::bgr;  // of the network's input: x / 255 - mean
  std::array<float, 3> mean = {0.0f, 0.0f, 0.0f};  // in that order
  std::map<std::string, std::string> facts;        // "origin", "license", "source", "source_sha256", ...
  MeanRule mean_rule = MeanRule::given;
  SizeRule size_rule = SizeRule::resize;                  // where FlowOptions names none
  std::array<float, 3> second_mean = {0.0f, 0.0f, 0.0f};  // of the second picture; mostly as `mean`
};

/// What Model::self_check finds; pixels.
struct SelfCheck {
  bool stored = false;  // whether the model file carries a check; nothing else is set if not
  bool passed = false;
  double largest = 0.0;  // length of the difference from the flow that was computed elsewhere
  double mean = 0.0;
  double allowed = 0.0;  // for `largest` in float32, for `mean` in bfloat16
};

/// A value of the network and where to write it.
struct NamedOutput {
  std::string name;
  MutableView view;  // (N, C, h, w)
};

/// Functions are const and may be called from any number of threads at once. All throw Error; after one
/// the model still works. Nothing is printed, and no file stays open.
class FLOWNET2_API Model {
 public:
  /// Reads a model file: `path` as the system's open() takes it.
  explicit Model(const std::string& path, const ModelOptions& options = {});
  /// The same from memory, which is not needed any more afterwards.
  Model(const void* data, std::size_t bytes, const ModelOptions& options = {});
  ~Model();
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;

  const ModelInfo& info() const;

  /// Flow from image1 to image2, which have one size and one pixel type, 1x1 or larger. The same bits as
  /// Python's flownet2.load(...)(image1, image2).
  Flow flow(const ImageView& image1, const ImageView& image2, const FlowOptions& options = {}) const;

  /// The same, written into `out`, of flow_size(). `out` does not overlap the pictures. After an error
  /// it holds anything.
  void flow(const ImageView& image1, const ImageView& image2, const FlowView& out,
            const FlowOptions& options = {}) const;

  /// Pairs of one size in one run, for small pictures faster than one by one; the same bits.
  void flow(const std::vector<ImagePair>& pairs, const std::vector<FlowView>& out,
            const FlowOptions& options = {}) const;

  /// Whether this program, on this processor, computes what the model's file expects: `flownet2 convert`
  /// stored the flow of a small made-up pair in it, which is computed again. options.size_rule is not
  /// used.
  SelfCheck self_check(const FlowOptions& options = {}) const;

  /// Size of the flow of pictures of that size: theirs, but for SizeRule::crop.
  ImageSize flow_size(const ImageSize& pictures, SizeRule rule = SizeRule::model) const;

  /// Bytes that one call of flow() takes beside the weights and what it returns. The model keeps them
  /// for the next call.
  std::int64_t working_memory(const ImageSize& pictures, SizeRule rule = SizeRule::model,
                              std::int64_t pairs = 1) const;

  /// Shape of a value of the network by its name ("flow", "flownetc.predict_flow6", ...), for inputs
  /// (N, 3, H, W).
  Shape value_shape(const std::string& name, const Shape& image) const;

  /// The bare network: image1, image2 (N, 3, H, W) in the range and order of info(), H and W multiples
  /// of size_multiple. Computes the named values, and only what they need. options.size_rule is not
  /// used.
  void run(ConstView image1, ConstView image2, const std::vector<NamedOutput>& outputs,
           const FlowOptions& options = {}) const;

 private:
  class Implementation;
  std::unique_ptr<const Implementation> implementation_;
};

}  // namespace flownet2
