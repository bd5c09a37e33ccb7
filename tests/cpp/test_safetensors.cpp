// SPDX-License-Identifier: Apache-2.0
// The layers under a model file: headers, the numbers of tensors, texts in messages.
#include <cmath>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <vector>

#include "model/safetensors.hpp"
#include "model/shown.hpp"
#include "model/values.hpp"
#include "model_bytes.hpp"

namespace {

using namespace flownet2;
using model_bytes::file_of;

const std::filesystem::path samples =
    std::filesystem::path(FLOWNET2_REPOSITORY) / "tests/data/checkpoints/safetensors";

SafetensorsHeader header_of(const std::string& bytes) {
  return read_safetensors_header(*view_memory(bytes.data(), bytes.size()));
}

/// The tensor's numbers; false where one is not finite.
bool numbers_of(const std::string& bytes, const std::string& name, std::vector<float>& numbers) {
  const auto source = view_memory(bytes.data(), bytes.size());
  const SafetensorsHeader header = read_safetensors_header(*source);
  const StoredTensor& tensor = header.tensors.at(name);
  const auto count = static_cast<std::int64_t>(tensor.end - tensor.begin) / type_bytes(tensor.type);
  numbers.assign(static_cast<std::size_t>(count), -1.0f);
  return read_floats(*source, header.data + tensor.begin, tensor.type, count, numbers.data());
}

std::string one_tensor(const std::string& description) { return R"({"a":{)" + description + "}}"; }

/// What a file of that header and so many bytes of data is refused for; empty if it is not.
std::string fault(const std::string& header, std::size_t data = 0) {
  const auto found = model_bytes::refusal([&] { header_of(file_of(header, std::string(data, '\0'))); });
  if (!found) return "";
  CHECK(found->code == ErrorCode::bad_model_file);
  return found->text;
}

bool refused_for(const std::string& part, const std::string& header, std::size_t data = 0) {
  const std::string text = fault(header, data);
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE(header << " -> " << text);
  return found;
}

}  // namespace

TEST_CASE("good samples have the tensors that their makers wrote") {
  for (const char* name : {"basic", "metadata", "unpadded"}) {
    const std::string bytes = model_bytes::read(samples / (std::string(name) + ".safetensors"));
    const SafetensorsHeader header = header_of(bytes);
    REQUIRE(header.tensors.size() == 1);
    CHECK(header.tensors.at("w").shape == std::vector<std::int64_t>{2, 3});
    std::vector<float> numbers;
    CHECK(numbers_of(bytes, "w", numbers));
    CHECK(numbers == std::vector<float>{0, 1, 2, 3, 4, 5});
    CHECK(header.metadata.size() == (std::string(name) == "metadata" ? 1 : 0));
  }
  const std::string scalar = model_bytes::read(samples / "empty_scalar.safetensors");
  const SafetensorsHeader header = header_of(scalar);
  CHECK(header.tensors.at("e").shape == std::vector<std::int64_t>{0, 4});
  CHECK(header.tensors.at("s").shape.empty());
  std::vector<float> numbers;
  CHECK(numbers_of(scalar, "e", numbers));
  CHECK(numbers.empty());
  CHECK(numbers_of(scalar, "s", numbers));
  CHECK(numbers == std::vector<float>{0});
}

TEST_CASE("every dtype of the samples is known, and floats become float32") {
  const std::string bytes = model_bytes::read(samples / "dtypes.safetensors");
  const SafetensorsHeader header = header_of(bytes);
  const std::vector<std::pair<std::string, std::string>> types = {
      {"F64", "float64"}, {"F16", "float16"}, {"BF16", "bfloat16"}, {"I64", "int64"},
      {"I32", "int32"},   {"U8", "uint8"},    {"BOOL", "bool"}};
  CHECK(header.tensors.size() == types.size());
  for (const auto& [name, type] : types) {
    const StoredTensor& tensor = header.tensors.at(name);
    CHECK(type_name(tensor.type) == type);
    CHECK(tensor.shape == std::vector<std::int64_t>{6});
    if (!is_float(tensor.type)) continue;
    std::vector<float> numbers;
    CHECK(numbers_of(bytes, name, numbers));
    CHECK(numbers == std::vector<float>{0, 1, 2, 3, 4, 5});
  }
}

TEST_CASE("every float16 is the number that its bits mean") {
  std::vector<std::uint16_t> all(1 << 16);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  const std::string bytes = file_of(
      one_tensor(R"("dtype":"F16","shape":[65536],"data_offsets":[0,131072])"), model_bytes::raw(all));
  std::vector<float> numbers;
  CHECK_FALSE(numbers_of(bytes, "a", numbers));
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const int exponent = static_cast<int>(i >> 10 & 31);
    const auto fraction = static_cast<float>(i & 1023);
    const float size =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    const float number = i < 0x8000 ? size : -size;
    const bool same = exponent < 31 ? numbers[i] == number && std::signbit(numbers[i]) == (i >= 0x8000)
                      : fraction == 0
                          ? std::isinf(numbers[i]) && std::signbit(numbers[i]) == (i >= 0x8000)
                          : std::isnan(numbers[i]);
    wrong += same ? 0 : 1;
  }
  CHECK(wrong == 0);
}

TEST_CASE("float64 is rounded, and infinite where float32 ends") {
  const std::vector<double> doubles = {0.1, -1e-46, 3.4028234663852886e38, 3.40282356e38, 1e39, -1e300};
  const std::string bytes = file_of(one_tensor(R"("dtype":"F64","shape":[6],"data_offsets":[0,48])"),
                                    model_bytes::raw(doubles));
  std::vector<float> numbers;
  CHECK_FALSE(numbers_of(bytes, "a", numbers));
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float largest = std::numeric_limits<float>::max();
  CHECK(numbers == std::vector<float>{0.1f, -0.0f, largest, largest, infinity, -infinity});
}

TEST_CASE("a tensor of several parts is read whole, and a NaN found wherever it is") {
  constexpr std::size_t count = 200'003;
  std::vector<float> written(count);
  for (std::size_t i = 0; i < count; ++i) written[i] = static_cast<float>(i) * 0.5f - 7.0f;
  const std::string header = one_tensor(R"("dtype":"F32","shape":[200003],"data_offsets":[0,800012])");
  std::vector<float> numbers;
  CHECK(numbers_of(file_of(header, model_bytes::raw(written)), "a", numbers));
  CHECK(numbers == written);
  for (const std::size_t at : {std::size_t{0}, std::size_t{65'535}, std::size_t{65'536}, count - 1}) {
    std::vector<float> broken = written;
    broken[at] = std::numeric_limits<float>::quiet_NaN();
    CHECK_FALSE(numbers_of(file_of(header, model_bytes::raw(broken)), "a", numbers));
  }
}

TEST_CASE("headers that break a rule are refused for it") {
  const std::string good = R"("dtype":"U8","shape":[2],"data_offsets":[0,2])";
  CHECK(fault(one_tensor(good), 2).empty());
  CHECK(fault(one_tensor(good) + " \t\r\n", 2).empty());
  CHECK(fault(R"({"a" : { "shape":[ 2 ,1],"data_offsets":[0 , 2], "dtype":"U8" } })", 2).empty());
  CHECK(refused_for("1 bytes belong to no tensor", one_tensor(good), 3));
  CHECK(refused_for("outside the 1 bytes", one_tensor(good), 1));
  CHECK(refused_for("does not begin with '{'", " " + one_tensor(good), 2));
  CHECK(refused_for("goes on behind", one_tensor(good) + "x", 2));
  CHECK(refused_for("is not described by", one_tensor(good + R"(,"more":[1])"), 2));
  CHECK(refused_for("is not described by", one_tensor(good + R"(,"shape":[2])"), 2));
  CHECK(refused_for("is not described by", one_tensor(R"("dtype":"U8","shape":[2])"), 2));
  CHECK(refused_for("is not described by", one_tensor(R"("dtype":1)")));
  CHECK(refused_for("expected an integer", one_tensor(R"("shape":[2.0])")));
  CHECK(refused_for("expected an integer", one_tensor(R"("shape":[9223372036854775808])")));
  CHECK(refused_for("expected a value", one_tensor(R"("shape":[[2]])")));
  CHECK(
      refused_for("more than 16", one_tensor(R"("shape":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16])")));
  CHECK(refused_for("not two integers", one_tensor(R"("dtype":"U8","shape":[0],"data_offsets":[0])")));
  CHECK(refused_for("more than 2", one_tensor(R"("data_offsets":[0,1,2])")));
  CHECK(refused_for("dtype 'Q8'", one_tensor(R"("dtype":"Q8","shape":[0],"data_offsets":[0,0])")));
  CHECK(refused_for("stands twice", R"({"__metadata__":{},"__metadata__":{}})"));
  CHECK(refused_for("stands twice in __metadata__", R"({"__metadata__":{"k":"","k":""}})"));
  CHECK(refused_for("not an object of texts", R"({"__metadata__":{"k":{}}})"));
  CHECK(refused_for("not an object of texts", R"({"__metadata__":[]})"));
  CHECK(refused_for("half of a surrogate pair", R"({"\ud800":{}})"));
  CHECK(fault(R"({"__metadata__":{"\ud83d\ude00":"\u00e9"}})").empty());
}

TEST_CASE("sizes are bounded without wrapping, empty tensors too") {
  const auto shape = [](const std::string& sizes, const std::string& end = "0") {
    return one_tensor(R"("dtype":"F64","shape":[)" + sizes + R"(],"data_offsets":[0,)" + end + "]");
  };
  CHECK(fault(shape("0,281474976710655")).empty());
  CHECK(refused_for("not possible", shape("0,281474976710656")));
  CHECK(refused_for("not possible", shape("4294967296,4294967296")));
  CHECK(refused_for("not possible", shape("0,4294967296,4294967296")));
  CHECK(refused_for("not possible", shape("-1,-1", "8"), 8));
  CHECK(refused_for("not possible", shape("9223372036854775807,9223372036854775807")));
  CHECK(refused_for("need 2251799813685240", shape("281474976710655", "8"), 8));
  CHECK(refused_for("outside", shape("1", "9223372036854775807"), 8));
}

TEST_CASE("texts in messages cannot break a line or hide something") {
  CHECK(shown("plain \xC3\xA4 \xF0\x9F\x98\x80") == "plain \xC3\xA4 \xF0\x9F\x98\x80");
  CHECK(shown("a\nb\x1b[31m\x7f") == "a\\x0ab\\x1b[31m\\x7f");
  CHECK(shown("\xC3(\xFF") == "\\xc3(\\xff");
  CHECK(shown("\xC2\x9B \xE2\x80\xAE") == "\\xc2\\x9b \\xe2\\x80\\xae");
  CHECK(shown("12345678", 4) == "1234...");
  CHECK(shown_name(std::string(1000, 'x')).size() < 80);
}
