// How the elements of an array are stored.
#pragma once

namespace xent {

enum class Storage { f32, f64, f16, bf16, byte };

// an array of numbers of any of these
struct Numbers {
  const void* data = nullptr;
  Storage storage = Storage::f32;

  explicit operator bool() const { return data != nullptr; }
};

}  // namespace xent
