// SPDX-License-Identifier: Apache-2.0
// Model file as the only argument: prints what it is, and that an error arrives as one.
#include <flownet2/flownet2.hpp>

#include <cstdio>

#if PARENT_SETTING != 1
#error the definition of this project is lost
#endif

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const flownet2::Model program(argv[0]);
    return 3;
  } catch (const flownet2::Error& error) {
    if (error.code() != flownet2::ErrorCode::bad_model_file) return 4;
  }
  const flownet2::Model model(argv[1]);
  std::printf("%s, %lld parameters, %s\n", model.info().network.c_str(),
              static_cast<long long>(model.info().parameters), model.info().isa.c_str());
  return 0;
}
