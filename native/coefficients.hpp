// Made by tools/minimax.py; do not edit.
#pragma once

namespace xent {
namespace coefficients {

// relative error of the whole function: 1.02e-8
constexpr float exp_float[] = {
    5.0e-1f,
    1.666657667e-1f,
    4.166655421e-2f,
    8.363232884e-3f,
    1.392625083e-3f,
};

// relative error of the whole function: 1.71e-17
constexpr double exp_double[] = {
    5.00000000000000103e-1,
    1.66666666666666675e-1,
    4.16666666666238205e-2,
    8.3333333333300382e-3,
    1.38888889173670806e-3,
    1.9841269863171556e-4,
    2.48015210578682052e-5,
    2.75572682769056962e-6,
    2.76202015910315488e-7,
    2.5100472505694996e-8,
};

// relative error of the whole function: 2.92e-9
constexpr double exp_double_short[] = {
    5.00000001353872989e-1,
    1.6666666681704215e-1,
    4.16664641974056923e-2,
    8.33331084464786256e-3,
    1.39337307157920825e-3,
    1.9891080463998842e-4,
};

// relative error of the whole function: 5.03e-19
constexpr double jensen[] = {
    1.66666666666666683e-1,
    6.66666666666110172e-2,
    3.57142857444650181e-2,
    2.22222160923239126e-2,
    1.51521069333296888e-2,
    1.09597870077963456e-2,
    9.04282914540956082e-3,
};

// relative error of the whole function: 5.48e-10
constexpr double jensen_short[] = {
    1.66666684983007356e-1,
    6.66554904728595072e-2,
    3.67192031699823864e-2,
};

// relative error of the whole function: 3.89e-10
constexpr float atanh_float[] = {
    6.666666732e-1f,
    3.999970508e-1f,
    2.859242607e-1f,
    2.170542707e-1f,
    2.323025561e-1f,
};

// relative error of the whole function: 3.05e-20
constexpr double atanh_double[] = {
    6.66666666666666665e-1,
    4.00000000000008832e-1,
    2.8571428570799785e-1,
    2.22222223925810451e-1,
    1.81817955475211362e-1,
    1.53862447376216666e-1,
    1.32686383692668239e-1,
    1.30880348509275538e-1,
};

// relative error of the whole function: 5.47e-19
constexpr double atanh_ratio[] = {
    6.6666666666666664e-1,
    4.00000000000083757e-1,
    2.85714285670812087e-1,
    2.22222230806501422e-1,
    1.81817351013829918e-1,
    1.53889682728975923e-1,
    1.32077400033995691e-1,
    1.36240872693839212e-1,
};

// relative error of the whole function: 7.3e-13
constexpr double atanh_ratio_short[] = {
    6.6666666670200848e-1,
    3.99999956290810794e-1,
    2.85722909132475998e-1,
    2.21629415024085433e-1,
    1.98285097169460376e-1,
};

}  // namespace coefficients
}  // namespace xent
