// Sums of powers of the losses: what the variance and the skewness of their mean are made of.
//
// With t = w nll, the sums of w^2, w t, t^2 and of w^3, w^2 t, w t^2, t^3. A central moment
// cancels most of them where losses are nearly equal, so that a product is kept in two doubles.
// moment_sums.hpp has the same sums of values that were scored already, by group.
#pragma once

#include "log_loss.hpp"
#include "products.hpp"

namespace xent {
namespace XENT_ISA {

class TileMoments {
 public:
  // w_nll: 0 in lanes that do not count
  TileMoments(LogLossSums& sums, const double* w_nll) : sums_(sums) {
    for (int b = 0; b < kTile; ++b) t_[b] = bounded(w_nll[b]);
  }

  void add_unweighted() {
    for (int b = 0; b < kTile; ++b) put(b, product(t_[b], t_[b]));
    keep(sums_.nll_squared);
    for (int b = 0; b < kTile; ++b) put(b, product(Exact<double>{value_[b], error_[b]}, t_[b]));
    keep(sums_.nll_cubed);
  }

  void add_weighted(const double* weight, const bool* impossible) {
    double w[kTile];
    for (int b = 0; b < kTile; ++b) w[b] = impossible[b] ? 0.0 : bounded(weight[b]);
    for (int b = 0; b < kTile; ++b) put(b, product(w[b], w[b]));
    keep(sums_.weight_squared);
    for (int b = 0; b < kTile; ++b) put(b, product(product(w[b], w[b]), w[b]));
    keep(sums_.weight_cubed);
    for (int b = 0; b < kTile; ++b) put(b, product(w[b], t_[b]));
    keep(sums_.weighted_nll);
    for (int b = 0; b < kTile; ++b) put(b, product(product(w[b], w[b]), t_[b]));
    keep(sums_.weight_squared_nll);
    for (int b = 0; b < kTile; ++b) put(b, product(product(t_[b], t_[b]), w[b]));
    keep(sums_.weighted_nll_squared);
  }

 private:
  // what is larger has a cube beyond all doubles
  XENT_INLINE static double bounded(double x) { return x < 0x1p340 ? x : 0x1p340; }
  XENT_INLINE void put(int b, Exact<double> x) {
    value_[b] = x.value;
    error_[b] = x.error;
  }
  void keep(ExactSum& sum) { add_tile_products(sum, value_, error_); }

  LogLossSums& sums_;
  double t_[kTile], value_[kTile], error_[kTile];
};

}  // namespace XENT_ISA
}  // namespace xent
