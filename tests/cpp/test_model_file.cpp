// SPDX-License-Identifier: Apache-2.0
// Model files: what good ones say, and that no other file, cut, changed or no file at all, does harm.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cpu/memory.hpp"
#include "model/model_file.hpp"
#include "model/safetensors.hpp"
#include "model_bytes.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#define FLOWNET2_TEST_UNIX 1
#endif

namespace {

using namespace flownet2;
using model_bytes::Folder;
using model_bytes::refusal;
using model_bytes::Tiny;

const std::filesystem::path repository = FLOWNET2_REPOSITORY;
const std::filesystem::path lite = repository / "src/flownet2/data/flownet2-lite.safetensors";

std::int64_t count_of(const Parameter& parameter) {
  std::int64_t count = 1;
  for (const std::int64_t size : parameter.shape) count *= size;
  return count;
}

std::vector<float> numbers_of(const Parameter& parameter) {
  return {parameter.data, parameter.data + count_of(parameter)};
}

void read_all(const ModelFile& file, const std::vector<std::string>& names) {
  for (const std::string& name : names) file.parameter(name);
}

/// The text of the refusal of these bytes, both in memory and as a file.
std::string fault(const std::string& bytes) {
  const Folder folder;
  const std::string path = folder / "bad.safetensors";
  model_bytes::write(path, bytes);
  const auto in_memory = refusal([&] { ModelFile::view(bytes.data(), bytes.size()); });
  const auto in_file = refusal([&] { ModelFile::open(path); });
  REQUIRE(in_memory.has_value());
  REQUIRE(in_file.has_value());
  CHECK(in_memory->code == ErrorCode::bad_model_file);
  CHECK(in_file->code == ErrorCode::bad_model_file);
  const std::string memory_name = "model in memory: ";
  CHECK(in_memory->text.substr(0, memory_name.size()) == memory_name);
  CHECK(in_file->text == path + ": " + in_memory->text.substr(memory_name.size()));
  return in_memory->text;
}

bool refused_for(const std::string& part, const Tiny& tiny) {
  const std::string text = fault(tiny.bytes());
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE(text);
  return found;
}

/// The file without one of its texts.
std::string without(std::string bytes, const std::string& text) {
  const std::size_t at = bytes.find(text);
  REQUIRE(at != std::string::npos);
  return bytes.replace(at, text.size(), std::string(text.size(), ' '));
}

}  // namespace

TEST_CASE("a small model says what stands in its file") {
  Tiny tiny;
  tiny.more_metadata = R"(,"title":"T\u00ef","probe.flow":"skipped")";
  tiny.tensors += R"(,"probe.x":{"dtype":"I64","shape":[1],"data_offsets":[52,60]})";
  tiny.data += std::string(8, '\0');
  const std::string bytes = tiny.bytes();
  const Folder folder;
  model_bytes::write(folder / "tiny.safetensors", bytes);
  for (const ModelFile& file :
       {ModelFile::view(bytes.data(), bytes.size()), ModelFile::open(folder / "tiny.safetensors")}) {
    CHECK(file.graph.name == "tiny");
    CHECK(file.graph.size_multiple == 4);
    CHECK(file.parameters == 14);
    CHECK(file.stored == "bfloat16 and float32");
    CHECK(file.preprocess.channel_order == ChannelOrder::rgb);
    CHECK(file.preprocess.mean == std::array<float, 3>{0.5f, 0.25f, -1.0f});
    CHECK(file.preprocess.mean_rule == flownet2::MeanRule::given);
    CHECK(file.preprocess.size_rule == flownet2::SizeRule::resize);
    CHECK(file.preprocess.resampling == flownet2::Resampling::opencv);
    CHECK(file.preprocess.flow_value == "flow");
    CHECK(file.preprocess.second_mean == file.preprocess.mean);
    CHECK(file.facts == std::map<std::string, std::string>{{"title", "T\xC3\xAF"}});
    CHECK(file.parameter("w").shape == std::vector<std::int64_t>{2, 6, 1, 1});
    CHECK(numbers_of(file.parameter("w")) ==
          std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11.5f});
    CHECK(numbers_of(file.parameter("b")) == std::vector<float>{1, -2});
    CHECK(refusal([&] { file.parameter("probe.x"); })->code == ErrorCode::invalid_argument);
  }
}

TEST_CASE("aligned float32 in memory is not copied; other weights are freed with their owner") {
  const std::string bytes = Tiny().bytes();
  std::vector<std::uint64_t> aligned(bytes.size() / 8 + 2);
  const std::int64_t before = aligned_bytes();
  for (const std::size_t shift : {std::size_t{0}, std::size_t{1}}) {
    char* start = reinterpret_cast<char*>(aligned.data()) + shift;
    std::copy(bytes.begin(), bytes.end(), start);
    const ModelFile file = ModelFile::view(start, bytes.size());
    const Parameter weight = file.parameter("w");
    const auto* data = reinterpret_cast<const char*>(weight.data);
    const bool inside = data >= start && data < start + bytes.size();
    CHECK(inside == (shift == 0));
    CHECK(weight.data[11] == 11.5f);
    const std::int64_t copied = aligned_bytes();
    CHECK((copied > before) == (shift == 1));
    const Parameter bias = file.parameter("b");
    CHECK(aligned_bytes() > copied);
  }
  CHECK(aligned_bytes() == before);
}

TEST_CASE("every parameter of the model of this project equals its bytes") {
  const std::string bytes = model_bytes::read(lite);
  const auto source = view_memory(bytes.data(), bytes.size());
  const SafetensorsHeader header = read_safetensors_header(*source);
  const ModelFile file = ModelFile::open(lite.string());
  CHECK(file.graph.name == "flownet2-lite");
  CHECK(file.stored == "float16");
  CHECK(file.graph.size_multiple == 32);
  CHECK(file.preprocess.channel_order == ChannelOrder::bgr);
  CHECK(file.facts.at("license") == "Apache-2.0");
  CHECK(file.facts.count("graph") == 0);
  CHECK(file.facts.count("probe.seed") == 0);
  REQUIRE(header.tensors.count("probe.flow") == 1);
  CHECK_THROWS(file.parameter("probe.flow"));
  std::int64_t numbers = 0;
  std::size_t wrong = 0;
  for (const auto& [name, tensor] : header.tensors) {
    if (name.compare(0, 6, "probe.") == 0) continue;  // the file's check of itself
    const Parameter parameter = file.parameter(name);
    numbers += count_of(parameter);
    REQUIRE(parameter.shape == tensor.shape);
    for (std::int64_t i = 0; i < count_of(parameter); ++i) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, bytes.data() + header.data + tensor.begin + 2 * static_cast<std::uint64_t>(i),
                  2);
      const int exponent = bits >> 10 & 31;
      const auto fraction = static_cast<float>(bits & 1023);
      const float number =
          exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
      wrong += parameter.data[i] == (bits < 0x8000 ? number : -number) ? 0 : 1;
    }
  }
  CHECK(file.parameters == numbers);
  CHECK(wrong == 0);
}

TEST_CASE("samples of safetensors are no models") {
  std::size_t bad = 0;
  std::size_t good = 0;
  for (const auto& item :
       std::filesystem::directory_iterator(repository / "tests/data/checkpoints/safetensors")) {
    const std::string name = item.path().filename().string();
    const auto found = refusal([&] { ModelFile::open(item.path().string()); });
    INFO(name);
    REQUIRE(found.has_value());
    CHECK(found->code == ErrorCode::bad_model_file);
    CHECK(found->says(name));
    const bool is_bad = name.compare(0, 4, "bad_") == 0 && name != "bad_no_tensors.safetensors";
    CHECK(found->says("no model file of flownet2") == !is_bad);
    (is_bad ? bad : good) += 1;
  }
  CHECK(bad == 29);
  CHECK(good == 6);
}

TEST_CASE("torch checkpoints are called that") {
  for (const char* name : {"zip_fp32.pth", "legacy_dtypes.pth"}) {
    const auto path = repository / "tests/data/checkpoints" / name;
    REQUIRE(std::filesystem::exists(path));
    const auto found = refusal([&] { ModelFile::open(path.string()); });
    REQUIRE(found.has_value());
    CHECK(found->code == ErrorCode::bad_model_file);
    CHECK(found->says("flownet2 convert"));
  }
}

TEST_CASE("metadata that are missing, wrong or of another version are refused") {
  Tiny tiny;
  tiny.version = "2";
  CHECK(refused_for("version '2'", tiny));
  CHECK(fault(without(Tiny().bytes(), R"("format":"flownet2",)")).find("no model file") !=
        std::string::npos);
  tiny = Tiny();
  tiny.graph = "{";
  CHECK(refused_for("graph text is not valid JSON", tiny));
  tiny.graph = "";
  CHECK(refused_for("graph text is not valid JSON", tiny));
  tiny.graph = std::string(model_bytes::graph).replace(10, 1, "2");
  CHECK(refused_for("schema", tiny));
  for (const char* text : {"", "1", "[]", "{}", R"({"channel_order":"bgr"})",
                           R"({"channel_order":"bgr","mean":[0,0,0],"more":1})"}) {
    tiny = Tiny();
    tiny.preprocess = text;
    CHECK(refused_for("preprocess text", tiny));
  }
  for (const char* mean :
       {"0", "[0,0]", "[0,0,0,0]", "[0,0,1.5]", "[0,0,\\\"0\\\"]", "[0,0,1e999]", "[true,0,0]"}) {
    tiny = Tiny();
    tiny.preprocess = std::string(R"({"channel_order":"bgr","mean":)") + mean + "}";
    CHECK(fault(tiny.bytes()).find("preprocess") != std::string::npos);
  }
  tiny.preprocess = R"({"channel_order":"BGR","mean":[0,0,0]})";
  CHECK(refused_for("channel_order must be 'rgb' or 'bgr', got 'BGR'", tiny));
  const std::string start = R"({"channel_order":"bgr","mean":[0,0,0],)";
  for (const std::string field : {"mean_rule", "size_rule", "resampling"}) {
    for (const char* value : {"1", "null", "\"\"", "\"corner\""}) {
      tiny.preprocess = start + '"' + field + "\":" + value + "}";
      CHECK(refused_for("preprocess: " + field + " must be one of '", tiny));
    }
  }
  tiny.preprocess = start + R"("mean_rule":"pair","mean_rule":"pair"})";
  CHECK(!fault(tiny.bytes()).empty());
  tiny.preprocess = R"({"channel_order":"bgr","mean":[0,0,0.5],"mean_rule":"pair"})";
  CHECK(refused_for("leaves no place for a mean", tiny));
  tiny.preprocess = start + R"("mean_rule":"picture","second_mean":[0,0,0]})";
  CHECK(refused_for("leaves no place for a mean", tiny));
  tiny.preprocess = start + R"("second_mean":[0,0]})";
  CHECK(refused_for("second_mean must be three numbers", tiny));
  tiny.preprocess = start + R"("flow_value":3})";
  CHECK(refused_for("flow_value must be the name", tiny));
  tiny.preprocess = std::string(5000, ' ');
  CHECK(refused_for("the limit is", tiny));
}

TEST_CASE("tensors that do not fit are listed all at once") {
  Tiny tiny;
  tiny.tensors = R"(,"w":{"dtype":"I32","shape":[6,2,1,1],"data_offsets":[0,48]})"
                 R"(,"x\n":{"dtype":"F32","shape":[1],"data_offsets":[48,52]})";
  const std::string text = fault(tiny.bytes());
  CHECK(text ==
        "model in memory: its tensors do not fit the network 'tiny':\n"
        "  1 missing:\n    'b' (2)\n"
        "  1 unexpected:\n    'x\\x0a' (1)\n"
        "  1 misshapen:\n    'w': expected (2, 6, 1, 1), got (6, 2, 1, 1)\n"
        "  1 unusable:\n    'w': dtype int32, expected a float");
  tiny.tensors = "";
  tiny.data = "";
  for (int i = 0; i < 25; ++i) {
    tiny.tensors += ",\"" + std::to_string(i) + R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
  }
  CHECK(refused_for("25 unexpected:", tiny));
  CHECK(refused_for("and 15 more", tiny));
}

TEST_CASE("weights that are not finite are refused when they are read") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    Tiny tiny;
    std::memcpy(tiny.data.data() + 44, &bad, 4);
    const std::string bytes = tiny.bytes();
    std::vector<std::uint64_t> aligned(bytes.size() / 8 + 1);
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(aligned.data()));
    const Folder folder;
    model_bytes::write(folder / "bad.safetensors", bytes);
    for (const ModelFile& file :
         {ModelFile::view(aligned.data(), bytes.size()), ModelFile::open(folder / "bad.safetensors")}) {
      const auto found = refusal([&] { file.parameter("w"); });
      REQUIRE(found.has_value());
      CHECK(found->code == ErrorCode::bad_model_file);
      CHECK(found->says("'w' holds NaN or infinite values"));
      CHECK(numbers_of(file.parameter("b")) == std::vector<float>{1, -2});
    }
  }
}

TEST_CASE("what cannot be read is refused") {
  const Folder folder;
  const auto code_of = [](const std::string& path, const std::string& part) {
    const auto found = refusal([&] { ModelFile::open(path); });
    REQUIRE(found.has_value());
    INFO(found->text);
    CHECK(found->says(part));
    return found->code;
  };
  CHECK(code_of(folder / "missing", "cannot be opened (No such file") == ErrorCode::unreadable_file);
  CHECK(code_of(folder / "", "it is a folder") == ErrorCode::unreadable_file);
  CHECK(code_of(std::string("a\0b", 3), "a\\x00b: the path has a zero byte") ==
        ErrorCode::unreadable_file);
  model_bytes::write(folder / "empty", "");
  CHECK(code_of(folder / "empty", "the file has 0") == ErrorCode::bad_model_file);
#if defined(FLOWNET2_TEST_UNIX)
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(code_of(folder / "pipe", "it is a pipe") == ErrorCode::unreadable_file);
  CHECK(code_of("/dev/null", "it is a device") == ErrorCode::unreadable_file);
#endif
  model_bytes::write(folder / "large", "");
  std::filesystem::resize_file(folder / "large", (std::uintmax_t{8} << 30) + 1);
  CHECK(code_of(folder / "large", "more than 8589934592") == ErrorCode::bad_model_file);
  CHECK(refusal([] { ModelFile::view(nullptr, 0); })->code == ErrorCode::bad_model_file);
}

TEST_CASE("a file that changes between opening and reading is an error; one that is replaced is read") {
  const std::string bytes = Tiny().bytes();
  const Folder folder;
  const std::string path = folder / "model.safetensors";
  const auto changed = [&](const std::string& now, int seconds_later) {
    model_bytes::write(path, bytes);
    const ModelFile file = ModelFile::open(path);
    const auto time = std::filesystem::last_write_time(path);
    model_bytes::write(path, now);
    std::filesystem::last_write_time(path, time + std::chrono::seconds(seconds_later));
    const auto found = refusal([&] { file.parameter("w"); });
    REQUIRE(found.has_value());
    CHECK(found->says("the file changed while it was read"));
    CHECK(found->code == ErrorCode::unreadable_file);
  };
  changed(bytes.substr(0, bytes.size() - 1), 0);
  changed("", 0);
  changed(bytes + "x", 0);
  changed(bytes, 1);
#if defined(FLOWNET2_TEST_UNIX)
  model_bytes::write(path, bytes);
  const ModelFile file = ModelFile::open(path);
  std::filesystem::remove(path);
  model_bytes::write(path, "another");
  CHECK(file.parameter("w").data[11] == 11.5f);
#endif
}

TEST_CASE("memory that is not to be had is told of") {
  const std::string bytes = " " + Tiny().bytes();
  const ModelFile file = ModelFile::view(bytes.data() + 1, bytes.size() - 1);
  fail_allocation(1);
  const auto found = refusal([&] { file.parameter("b"); });
  fail_allocation(0);
  REQUIRE(found.has_value());
  CHECK(found->code == ErrorCode::out_of_memory);
  CHECK(found->says("model in memory: 'b': no memory for 8 bytes"));
}

TEST_CASE("cut files are refused") {
  const std::string bytes = model_bytes::read(lite);
  std::mt19937 random(1);
  std::vector<std::size_t> lengths = {0, 1, 7, 8, 9, bytes.size() - 1};
  for (int i = 0; i < 200; ++i) lengths.push_back(random() % 25'000);
  for (int i = 0; i < 50; ++i) lengths.push_back(random() % bytes.size());
  for (const std::size_t length : lengths) {
    const std::string cut(bytes, 0, length);
    const auto found = refusal([&] { ModelFile::view(cut.data(), cut.size()); });
    REQUIRE(found.has_value());
    CHECK(found->code == ErrorCode::bad_model_file);
  }
}

TEST_CASE("files with changed bytes are refused or read") {
  const std::string tiny = Tiny().bytes();
  std::mt19937 random(2);
  std::size_t read = 0;
  std::size_t refused = 0;
  const auto look = [&](const std::string& bytes, const std::vector<std::string>& names) {
    const auto found = refusal([&] { read_all(ModelFile::view(bytes.data(), bytes.size()), names); });
    if (found) {
      const bool expected = found->code == ErrorCode::bad_model_file ||
                            found->code == ErrorCode::invalid_argument;  // a parameter of another name
      CHECK(expected);
    }
    (found ? refused : read) += 1;
  };
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = tiny;
    bytes[random() % bytes.size()] = static_cast<char>(random() & 0xFF);
    look(bytes, {"w", "b"});
  }
  const std::string whole = model_bytes::read(lite);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes = whole;
    bytes[random() % 22'464] = static_cast<char>(random() & 0xFF);
    look(bytes, {});
  }
  CHECK(read > 100);
  CHECK(refused > 10'000);
}
