// SPDX-License-Identifier: Apache-2.0
// Models: pictures in, flow out, options, errors, many threads.
#include <flownet2/flownet2.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "model_bytes.hpp"

namespace {

using flownet2::ChannelOrder;
using flownet2::ErrorCode;
using flownet2::Flow;
using flownet2::FlowOptions;
using flownet2::FlowView;
using flownet2::ImageView;
using flownet2::Model;
using flownet2::ModelOptions;
using flownet2::SizeRule;

const std::string lite_path = FLOWNET2_REPOSITORY "/src/flownet2/data/flownet2-lite.safetensors";
const std::string plain = R"({"channel_order": "rgb", "mean": [0, 0, 0]})";

/// A network that hands through channels 0 and 1 of the first picture.
std::string picking_graph(std::int64_t size_multiple) {
  return R"({"schema":1,"name":"pick","size_multiple":)" + std::to_string(size_multiple) +
         R"(,"inputs":[{"name":"image1","channels":3},{"name":"image2","channels":3}],)"
         R"("parameters":{"w":[2,3,1,1]},"nodes":[{"name":"picked","op":"conv2d","inputs":["image1"],)"
         R"("attributes":{},"parameters":{"weight":"w"}}],"outputs":{"flow":"picked"}})";
}

std::string picking_bytes(const std::string& graph, const std::string& preprocess = plain) {
  model_bytes::Tiny file;
  file.graph = graph;
  file.preprocess = preprocess;
  file.tensors = R"(,"w":{"dtype":"F32","shape":[2,3,1,1],"data_offsets":[0,24]})";
  file.data = model_bytes::raw(std::vector<float>{1, 0, 0, 0, 1, 0});
  return file.bytes();
}

Model picking(std::int64_t size_multiple = 1, const std::string& preprocess = plain,
              const ModelOptions& options = {}) {
  const std::string bytes = picking_bytes(picking_graph(size_multiple), preprocess);
  return Model(bytes.data(), bytes.size(), options);
}

/// 8-bit RGB with some structure.
std::vector<std::uint8_t> picture(std::int64_t height, std::int64_t width, int shift = 0) {
  std::vector<std::uint8_t> pixels;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const double wave =
            std::sin(0.21 * static_cast<double>(x + shift) + 0.13 * static_cast<double>(y) + c);
        pixels.push_back(static_cast<std::uint8_t>(127.5 + 120.0 * wave));
      }
    }
  }
  return pixels;
}

template <typename Act>
flownet2::Error error_of(const Act& act) {
  try {
    act();
  } catch (const flownet2::Error& error) {
    return error;
  }
  FAIL("no error");
  throw std::logic_error("not reached");
}

template <typename Act>
void check_error(const Act& act, ErrorCode code, const std::string& part) {
  const flownet2::Error error = error_of(act);
  CHECK(error.code() == code);
  CHECK_MESSAGE(std::string(error.what()).find(part) != std::string::npos, std::string(error.what()));
}

}  // namespace

TEST_CASE("pictures of every type and layout") {
  const Model model = picking();
  const std::vector<std::uint8_t> rgb = {0, 51, 255, 102, 204, 153};  // two pixels
  const ImageView view = flownet2::interleaved(rgb.data(), 1, 2);
  const std::vector<float> red_green = {0.0f, 0.2f, 0.4f, 0.8f};
  CHECK(model.flow(view, view).data == red_green);

  const std::vector<std::uint8_t> planes = {0, 102, 51, 204, 255, 153};
  const ImageView planar = flownet2::planar(planes.data(), 1, 2);
  CHECK(model.flow(planar, planar).data == red_green);

  const std::vector<std::uint8_t> bgra = {255, 51, 0, 9, 153, 204, 102, 9};
  ImageView four = flownet2::interleaved(bgra.data(), 1, 2, ChannelOrder::bgr, 8);
  four.pixel_stride = 4;
  CHECK(model.flow(four, four).data == red_green);

  const std::vector<std::uint16_t> deep = {0, 13107, 65535, 26214, 52428, 39321};
  const ImageView sixteen = flownet2::interleaved(deep.data(), 1, 2);
  CHECK(model.flow(sixteen, sixteen).data == red_green);

  const std::vector<float> units = {0.0f, 0.2f, 1.0f, 0.4f, 0.8f, 0.6f};
  const ImageView floats = flownet2::interleaved(units.data(), 1, 2);
  CHECK(model.flow(floats, floats).data == red_green);

  const std::vector<std::uint8_t> one = {51, 102};
  const ImageView grey = flownet2::grey(one.data(), 1, 2);
  CHECK(model.flow(grey, grey).data == std::vector<float>{0.2f, 0.2f, 0.4f, 0.4f});

  ImageView mirrored = view;
  mirrored.data = rgb.data() + 3;
  mirrored.pixel_stride = -3;
  CHECK(model.flow(mirrored, mirrored).data == std::vector<float>{0.4f, 0.8f, 0.0f, 0.2f});
}

TEST_CASE("channel order and mean of the model file") {
  const std::vector<std::uint8_t> rgb = {0, 51, 255};
  const ImageView view = flownet2::interleaved(rgb.data(), 1, 1);
  const Model bgr = picking(1, R"({"channel_order": "bgr", "mean": [0.25, 0, 0.5]})");
  CHECK(bgr.flow(view, view).data == std::vector<float>{0.75f, 0.2f});
  CHECK(bgr.info().channel_order == ChannelOrder::bgr);
  CHECK(bgr.info().mean[2] == 0.5f);
}

TEST_CASE("size rules") {
  const Model model = picking(4);
  std::vector<float> units;
  for (int i = 0; i < 5 * 6; ++i) units.insert(units.end(), {static_cast<float>(i) / 32.0f, 0.5f, 0.0f});
  const ImageView view = flownet2::interleaved(units.data(), 5, 6);
  FlowOptions options;

  options.size_rule = SizeRule::pad;
  const Flow padded = model.flow(view, view, options);
  CHECK(padded.height == 5);
  CHECK(padded.width == 6);
  CHECK(padded.u(4, 5) == 29.0f / 32.0f);

  options.size_rule = SizeRule::crop;
  const Flow cropped = model.flow(view, view, options);
  CHECK(model.flow_size({5, 6}, SizeRule::crop) == flownet2::ImageSize{4, 4});
  CHECK(cropped.height == 4);
  CHECK(cropped.u(0, 0) == 1.0f / 32.0f);  // row 0, column 1
  CHECK(cropped.v(3, 3) == 0.5f);

  // 8 x 8 and back: u is divided by 8 / 6, v by 8 / 5.
  options.size_rule = SizeRule::resize;
  const Flow resized = model.flow(view, view, options);
  CHECK(resized.v(2, 2) == doctest::Approx(0.5 * 5 / 8));
  CHECK(resized.u(2, 3) == doctest::Approx(15.0 / 32.0 * 6 / 8).epsilon(0.05));

  const ImageView small = flownet2::interleaved(units.data(), 3, 6);
  options.size_rule = SizeRule::crop;
  check_error([&] { model.flow(small, small, options); }, ErrorCode::invalid_argument, "at least 4x4");
}

TEST_CASE("a mean of the pictures, and the model's own size rule") {
  // 3 x 2 pixels; the network wants 2 x 2, so the last row is cut off: (3 - 2) / 2 is 0.
  const std::vector<std::uint8_t> bytes1 = {255, 255, 255, 255, 255, 255, 0,  0,   0,
                                            51,  0,   0,   102, 0,   0,   51, 255, 0};
  const std::vector<std::uint8_t> bytes2(18, 51);
  const ImageView one = flownet2::interleaved(bytes1.data(), 3, 2);
  const ImageView two = flownet2::interleaved(bytes2.data(), 3, 2);
  const auto with = [](const char* mean_rule) {
    return picking(2, R"({"channel_order":"rgb","mean":[0,0,0],"size_rule":"crop","mean_rule":")" +
                          std::string(mean_rule) + "\"}");
  };
  const Model pair = with("pair");
  CHECK(pair.info().mean_rule == flownet2::MeanRule::pair);
  CHECK(pair.info().size_rule == SizeRule::crop);
  CHECK(pair.flow_size({3, 2}) == flownet2::ImageSize{2, 2});
  CHECK(pair.flow_size({3, 2}, SizeRule::resize) == flownet2::ImageSize{3, 2});
  // Red of the first picture's upper rows: 255, 255, 0, 51; of the second's 51 throughout.
  const float mean = static_cast<float>((255 + 255 + 0 + 51 + 4 * 51) / (8 * 255.0));
  CHECK(pair.flow(one, two).u(0, 0) == 1.0f - mean);
  CHECK(pair.flow(one, two).u(1, 1) == 0.2f - mean);
  const float own = static_cast<float>((255 + 255 + 0 + 51) / (4 * 255.0));
  CHECK(with("picture").flow(one, two).u(0, 0) == 1.0f - own);
}

TEST_CASE("floats are resized after the mean was subtracted, corner to corner") {
  const Model model = picking(4, R"({"channel_order":"rgb","mean":[0.5,0,0],"resampling":"corners"})");
  // 1 x 3 pixels become 4 x 4: column i reads position 2 i / 3, and comes back from 1.5 i.
  const std::vector<float> units = {0, 0, 0, 0.75f, 0, 0, 0, 0, 0};
  const ImageView view = flownet2::interleaved(units.data(), 1, 3);
  const Flow flow = model.flow(view, view);
  const float stretched[] = {-0.5f, 0.0f, 0.0f, -0.5f};  // (2/3) * 0.75 - 0.5 inside
  CHECK(flow.u(0, 0) == doctest::Approx(stretched[0] * 3 / 4));
  CHECK(flow.u(0, 1) == doctest::Approx((stretched[1] + stretched[2]) / 2 * 3 / 4));
  CHECK(flow.u(0, 2) == doctest::Approx(stretched[3] * 3 / 4));
}

TEST_CASE("pictures that do not fit are refused") {
  const Model model = picking();
  std::vector<float> units(3 * 4, 0.5f);
  const ImageView good = flownet2::interleaved(units.data(), 2, 2);
  const auto refused = [&](ImageView image2, const std::string& part) {
    check_error([&] { model.flow(good, image2); }, ErrorCode::invalid_argument, part);
  };
  refused(flownet2::interleaved(units.data(), 1, 4), "must have one size, got 2x2 for image1 and 1x4");
  const std::vector<std::uint8_t> bytes(12);
  refused(flownet2::interleaved(bytes.data(), 2, 2), "another pixel type");
  ImageView image = good;
  image.data = nullptr;
  refused(image, "image2 has no data");
  image = good;
  image.channels = 4;
  refused(image, "three channels");
  for (const auto& [value, part] : {std::pair<float, const char*>{std::nanf(""), "NaN"},
                                    {2.5f, "divide by 255"},
                                    {-1.0f, "(x + 1) / 2"}}) {
    std::vector<float> wrong = units;
    wrong[7] = value;
    refused(flownet2::interleaved(wrong.data(), 2, 2), part);
  }
  image = good;
  image.type = static_cast<flownet2::PixelType>(9);
  check_error([&] { model.flow(image, image); }, ErrorCode::invalid_argument,
              "uint8, uint16 or float32");
  const std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  image = flownet2::grey(units.data(), huge, huge, 4);
  check_error([&] { model.flow(image, image); }, ErrorCode::invalid_argument, "2^31 - 1");
  image = flownet2::grey(bytes.data(), (std::int64_t{1} << 31) - 1, (std::int64_t{1} << 31) - 1);
  check_error([&] { model.flow(image, image); }, ErrorCode::too_large, "address space");
}

TEST_CASE("output views") {
  const Model model = picking();
  const std::vector<std::uint8_t> pixels = picture(3, 2);
  const ImageView view = flownet2::interleaved(pixels.data(), 3, 2);
  const Flow expected = model.flow(view, view);
  Flow again = expected;
  again.data.assign(again.data.size(), -7.0f);
  model.flow(view, view, again.view());
  CHECK(again.data == expected.data);
  std::vector<float> wide(3 * 6, -7.0f);
  model.flow(view, view, FlowView{wide.data(), 3, 2, 6 * sizeof(float)});
  for (std::size_t y = 0; y < 3; ++y) {
    for (std::size_t i = 0; i < 4; ++i) CHECK(wide[y * 6 + i] == expected.data[y * 4 + i]);
    CHECK(wide[y * 6 + 4] == -7.0f);
    CHECK(wide[y * 6 + 5] == -7.0f);
  }
  const auto refused = [&](const FlowView& out, const std::string& part) {
    check_error([&] { model.flow(view, view, out); }, ErrorCode::invalid_argument, part);
  };
  refused({nullptr, 3, 2, 0}, "no data");
  refused({wide.data(), 2, 3, 0}, "out must be 3x2, got 2x3");
  refused({wide.data(), 3, 2, 12}, "at least 16 bytes, got 12");
  refused({wide.data(), 3, 2, 18}, "multiple of 4");
}

TEST_CASE("the built-in network: batches, threads, instruction sets and precisions") {
  const std::vector<std::uint8_t> a = picture(70, 100), b = picture(70, 100, 2),
                                  c = picture(70, 100, -3);
  const ImageView first = flownet2::interleaved(a.data(), 70, 100);
  const ImageView second = flownet2::interleaved(b.data(), 70, 100);
  const ImageView third = flownet2::interleaved(c.data(), 70, 100);
  const Model model(lite_path);
  CHECK(model.info().network == "flownet2-lite");
  CHECK(model.info().parameters == 1210968);
  CHECK(model.info().facts.at("license") == "Apache-2.0");
  const Flow forward = model.flow(first, second);
  const Flow other = model.flow(first, third);

  Flow one = forward, two = other;
  one.data.assign(one.data.size(), 0.0f);
  two.data.assign(two.data.size(), 0.0f);
  model.flow({{first, second}, {first, third}},
             {{one.data.data(), 70, 100, 0}, {two.data.data(), 70, 100, 0}});
  CHECK(one.data == forward.data);
  CHECK(two.data == other.data);
  check_error([&] { model.flow({{first, second}}, {}); }, ErrorCode::invalid_argument,
              "1 pairs need as many");
  check_error([&] { model.flow(std::vector<flownet2::ImagePair>{}, {}); }, ErrorCode::invalid_argument,
              "no pictures");

  for (const int threads : {1, 3}) {
    ModelOptions options;
    options.threads = threads;
    CHECK(Model(lite_path, options).flow(first, second).data == forward.data);
  }
  for (const std::string& isa : flownet2::isas()) {
    ModelOptions options;
    options.isa = isa;
    const Model forced(lite_path, options);
    CHECK(forced.info().isa == isa);
    const Flow flow = forced.flow(first, second);
    for (std::size_t i = 0; i < flow.data.size(); ++i) {
      CHECK(std::abs(flow.data[i] - forward.data[i]) < 2e-3f);
    }
  }
  ModelOptions options;
  options.precision = flownet2::Precision::bfloat16;
  CHECK(Model(lite_path, options).flow(first, second).data != forward.data);
  options = {};
  options.isa = "mmx";
  check_error([&] { Model(lite_path, options); }, ErrorCode::invalid_argument, "isa must be one of");
  options = {};
  options.threads = -1;
  check_error([&] { Model(lite_path, options); }, ErrorCode::invalid_argument, "threads must be");
}

TEST_CASE("the check that a model file carries") {
  for (const std::string& isa : flownet2::isas()) {
    for (const auto precision : {flownet2::Precision::float32, flownet2::Precision::bfloat16}) {
      ModelOptions options;
      options.isa = isa;
      options.precision = precision;
      const flownet2::SelfCheck found = Model(lite_path, options).self_check();
      INFO(isa, " ", found.largest, " ", found.mean, " ", found.allowed);
      CHECK(found.stored);
      CHECK(found.passed);
    }
  }
  const flownet2::SelfCheck none = picking().self_check();
  CHECK(!none.stored);
  CHECK(!none.passed);
  FlowOptions stopped;
  stopped.stop = [] { return true; };
  CHECK_THROWS(Model(lite_path).self_check(stopped));
}

TEST_CASE("the bare network") {
  const Model model(lite_path);
  const flownet2::Shape image = {1, 3, 64, 96};
  const std::vector<std::uint8_t> a = picture(64, 96), b = picture(64, 96, 1);
  const auto tensor = [&](const std::vector<std::uint8_t>& rgb) {
    std::vector<float> bgr;
    for (std::size_t c = 3; c-- > 0;) {
      for (std::size_t i = c; i < rgb.size(); i += 3) bgr.push_back(static_cast<float>(rgb[i] / 255.0));
    }
    return bgr;
  };
  const std::vector<float> first = tensor(a), second = tensor(b);
  const flownet2::Shape shape = model.value_shape("flow", image);
  CHECK(shape == flownet2::Shape{1, 2, 64, 96});
  std::vector<float> flow(2 * 64 * 96);
  model.run({first.data(), image}, {second.data(), image}, {{"flow", {flow.data(), shape}}});
  const Flow expected =
      model.flow(flownet2::interleaved(a.data(), 64, 96), flownet2::interleaved(b.data(), 64, 96));
  for (std::size_t i = 0; i < 64 * 96; ++i) {
    CHECK(flow[i] == expected.data[2 * i]);
    CHECK(flow[64 * 96 + i] == expected.data[2 * i + 1]);
  }
  check_error([&] { model.value_shape("no such value", image); }, ErrorCode::invalid_argument,
              "no such value");
  CHECK(model.working_memory({64, 96}) > 0);
  CHECK(model.working_memory({640, 960}) > 10 * model.working_memory({64, 96}));
}

TEST_CASE("progress and cancelling") {
  std::vector<double> told;
  ModelOptions loading;
  loading.progress = [&](double done) { told.push_back(done); };
  const Model model(lite_path, loading);
  CHECK(told.size() > 10);
  CHECK(told.back() == 1.0);
  loading.progress = [](double) { throw std::runtime_error("enough"); };
  CHECK_THROWS_WITH(Model(lite_path, loading), "enough");
  loading.progress = nullptr;
  loading.stop = [] { return true; };
  check_error([&] { Model(lite_path, loading); }, ErrorCode::cancelled, "stopped");

  const std::vector<std::uint8_t> a = picture(512, 1024), b = picture(512, 1024, 3);
  const ImageView first = flownet2::interleaved(a.data(), 512, 1024);
  const ImageView second = flownet2::interleaved(b.data(), 512, 1024);
  told.clear();
  FlowOptions options;
  options.progress = [&](double done) { told.push_back(done); };
  const Flow expected = model.flow(first, second, options);
  CHECK(std::is_sorted(told.begin(), told.end()));
  CHECK(told.front() > 0.0);
  CHECK(told.back() == 1.0);

  std::atomic<bool> stop{false};
  options = {};
  options.stop = [&] { return stop.load(); };
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop = true;
  });
  check_error(
      [&] {
        for (;;) model.flow(first, second, options);
      },
      ErrorCode::cancelled, "stopped");
  canceller.join();
  const ImageView small = flownet2::grey(a.data(), 1, 1);
  check_error([&] { model.flow(small, small, options); }, ErrorCode::cancelled, "stopped");
  options.stop = nullptr;
  options.progress = [](double) { throw std::runtime_error("enough"); };
  CHECK_THROWS_WITH(model.flow(first, second, options), "enough");
  CHECK(model.flow(first, second).data == expected.data);
}

TEST_CASE("one model, many threads; models move") {
  Model made(lite_path);
  const Model model = std::move(made);
  const std::vector<std::uint8_t> a = picture(64, 64), b = picture(64, 64, 1);
  const ImageView first = flownet2::interleaved(a.data(), 64, 64);
  const ImageView second = flownet2::interleaved(b.data(), 64, 64);
  const Flow expected = model.flow(first, second);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 5; ++round) CHECK(model.flow(first, second).data == expected.data);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_CASE("networks that are no flow of two pictures") {
  const auto refused = [](std::string graph, const std::string& from, const std::string& to,
                          const std::string& part) {
    graph.replace(graph.find(from), from.size(), to);
    const std::string bytes = picking_bytes(graph);
    check_error([&] { Model(bytes.data(), bytes.size()); }, ErrorCode::bad_model_file, part);
  };
  refused(picking_graph(1), R"("outputs":{"flow")", R"("outputs":{"depth")", "no output 'flow'");
  refused(picking_graph(1), R"(,{"name":"image2","channels":3})", "", "two pictures");
  refused(picking_graph(2), R"("attributes":{})", R"("attributes":{"stride":[2,2]})", "gives 'flow' as");
}
