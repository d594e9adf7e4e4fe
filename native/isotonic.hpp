// Isotonic regression: the non-decreasing values nearest to given ones, by pooling adjacent
// violators (Ayer, Brunk, Ewing, Reid and Silverman 1955; the stack of Best and Chakravarti
// 1990): one pass, every element pushed once and pooled at most once.
#pragma once

#include <cstdint>
#include <vector>

namespace xent {

// Neighbouring elements that share one fitted value.
struct Block {
  double sum, weight;  // of weight times value, and of weight
  std::int64_t end;    // one past its last element
  double mean() const { return sum / weight; }
};

// Adds elements from left to right. Elements of weight 0 are in the block before them, or, at
// the start, in the first: they change nothing.
class Pools {
 public:
  void clear() { blocks_.clear(); }
  void add(double sum, double weight, std::int64_t end) {
    if (!(weight > 0)) {
      if (!blocks_.empty()) blocks_.back().end = end;
      return;
    }
    Block last{sum, weight, end};
    // means compared crosswise: exact for counts below 2^26, and no division
    while (!blocks_.empty() && blocks_.back().sum * last.weight >= last.sum * blocks_.back().weight) {
      last.sum += blocks_.back().sum;
      last.weight += blocks_.back().weight;
      blocks_.pop_back();
    }
    blocks_.push_back(last);
  }
  const std::vector<Block>& blocks() const { return blocks_; }

 private:
  std::vector<Block> blocks_;
};

}  // namespace xent
