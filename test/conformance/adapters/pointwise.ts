/** Elementwise operations of one and of two operands, comparisons, casts. `long` is `int`, since int32 stands for int64. */
import { adapter, adaptersOf, methodTarget } from "../signature.ts";
import { Tensor } from "../../../src/tensor/tensor.ts";
import { DtypeValue } from "../values.ts";

const to = methodTarget("to");
const maximum = methodTarget("maximum");
const minimum = methodTarget("minimum");
const max = methodTarget("max");
const min = methodTarget("min");

/** `max(x, other)` is PyTorch's second name of `maximum`. */
function extreme(whole: typeof max, pairwise: typeof maximum): ReturnType<typeof adapter> {
  return adapter([whole, pairwise], ([x, dim, keepdim], keywords) => {
    if (dim instanceof Tensor) return pairwise.invoke([x, dim]);
    const at = dim ?? keywords["dim"];
    if (at === undefined) return whole.invoke([x]);
    const keep = keepdim ?? keywords["keepdim"];
    return whole.invoke(keep === undefined ? [x, at] : [x, at, { keepdim: keep }]);
  });
}

export const pointwise = new Map([
  ...adaptersOf(`
    abs(input) = input.abs()
    acos(input) = input.acos()
    acosh(input) = input.acosh()
    angle(input) = input.angle()
    asin(input) = input.asin()
    asinh(input) = input.asinh()
    atan(input) = input.atan()
    atanh(input) = input.atanh()
    ceil(input) = input.ceil()
    clamp(input, min, max) = input.clamp(min, max)
    clamp_max(input, max) = input.clampMax(max)
    clamp_min(input, min) = input.clampMin(min)
    clone(input) = input.clone()
    contiguous(input) = input.contiguous()
    cos(input) = input.cos()
    cosh(input) = input.cosh()
    deg2rad(input) = input.deg2rad()
    digamma(input) = input.digamma()
    erf(input) = input.erf()
    erfc(input) = input.erfc()
    erfinv(input) = input.erfinv()
    exp(input) = input.exp()
    exp2(input) = input.exp2()
    expm1(input) = input.expm1()
    fill(input, value) = input.fill(value)
    floor(input) = input.floor()
    frac(input) = input.frac()
    frexp(input) = input.frexp()
    i0(input) = input.i0()
    isfinite(input) = input.isfinite()
    isinf(input) = input.isinf()
    isnan(input) = input.isnan()
    isneginf(input) = input.isneginf()
    isposinf(input) = input.isposinf()
    isreal(input) = input.isreal()
    lgamma(input) = input.lgamma()
    log(input) = input.log()
    log10(input) = input.log10()
    log1p(input) = input.log1p()
    log2(input) = input.log2()
    logical_not(input) = input.logicalNot()
    logit(input, eps) = input.logit({eps})
    nan_to_num(input, nan, posinf, neginf) = input.nanToNum({nan, posinf, neginf})
    neg(input) = input.neg()
    positive(input) = input.positive()
    rad2deg(input) = input.rad2deg()
    reciprocal(input) = input.reciprocal()
    round(input, *, decimals) = input.round({decimals})
    rsqrt(input) = input.rsqrt()
    sgn(input) = input.sgn()
    sigmoid(input) = input.sigmoid()
    sign(input) = input.sign()
    signbit(input) = input.signbit()
    sin(input) = input.sin()
    sinc(input) = input.sinc()
    sinh(input) = input.sinh()
    sqrt(input) = input.sqrt()
    square(input) = input.square()
    tan(input) = input.tan()
    tanh(input) = input.tanh()
    trunc(input) = input.trunc()
    zero_(input) = input.zero_()

    __radd__(input, other) = other.add(input)
    __rdiv__(input, other) = other.div(input)
    __rmod__(input, other) = other.remainder(input)
    __rmul__(input, other) = other.mul(input)
    __rpow__(input, other) = other.pow(input)
    __rsub__(input, other) = other.sub(input)
    __rand__(input, other) = other.bitwiseAnd(input)
    __ror__(input, other) = other.bitwiseOr(input)
    __rxor__(input, other) = other.bitwiseXor(input)
    add(input, other, *, alpha) = input.add(other, {alpha})
    addcdiv(input, tensor1, tensor2, *, value) = input.addcdiv(tensor1, tensor2, {value})
    addcmul(input, tensor1, tensor2, *, value) = input.addcmul(tensor1, tensor2, {value})
    allclose(input, other, rtol, atol, equal_nan) = input.allclose(other, {rtol, atol, equal_nan})
    atan2(input, other) = input.atan2(other)
    bitwise_and(input, other) = input.bitwiseAnd(other)
    bitwise_left_shift(input, other) = input.bitwiseLeftShift(other)
    bitwise_not(input) = input.bitwiseNot()
    bitwise_or(input, other) = input.bitwiseOr(other)
    bitwise_right_shift(input, other) = input.bitwiseRightShift(other)
    bitwise_xor(input, other) = input.bitwiseXor(other)
    copysign(input, other) = input.copysign(other)
    dist(input, other, p) = input.dist(other, {p})
    div(input, other, *, rounding_mode) = input.div(other, {rounding: rounding_mode})
    eq(input, other) = input.eq(other)
    equal(input, other) = input.equal(other)
    float_power(input, exponent) = input.floatPower(exponent)
    floor_divide(input, other) = input.floorDivide(other)
    fmax(input, other) = input.fmax(other)
    fmin(input, other) = input.fmin(other)
    fmod(input, other) = input.fmod(other)
    gcd(input, other) = input.gcd(other)
    ge(input, other) = input.ge(other)
    gt(input, other) = input.gt(other)
    heaviside(input, values) = input.heaviside(values)
    hypot(input, other) = input.hypot(other)
    igamma(input, other) = input.igamma(other)
    igammac(input, other) = input.igammac(other)
    isclose(input, other, rtol, atol, equal_nan) = input.isclose(other, {rtol, atol, equal_nan})
    isin(elements, test_elements) = elements.isin(test_elements)
    lcm(input, other) = input.lcm(other)
    ldexp(input, other) = input.ldexp(other)
    le(input, other) = input.le(other)
    lerp(input, end, weight) = input.lerp(end, weight)
    logaddexp(input, other) = input.logaddexp(other)
    logaddexp2(input, other) = input.logaddexp2(other)
    logical_and(input, other) = input.logicalAnd(other)
    logical_or(input, other) = input.logicalOr(other)
    logical_xor(input, other) = input.logicalXor(other)
    lt(input, other) = input.lt(other)
    maximum(input, other) = input.maximum(other)
    minimum(input, other) = input.minimum(other)
    mul(input, other) = input.mul(other)
    ne(input, other) = input.ne(other)
    nextafter(input, other) = input.nextafter(other)
    pow(input, exponent) = input.pow(exponent)
    remainder(input, other) = input.remainder(other)
    rsub(input, other, *, alpha) = input.rsub(other, {alpha})
    sub(input, other, *, alpha) = input.sub(other, {alpha})
    true_divide(input, other) = input.trueDivide(other)
    where(condition, input, other) = where(condition, input, other)
    xlogy(input, other) = input.xlogy(other)

    bool(input) = input.bool()
    byte(input) = input.byte()
    double(input) = input.double()
    float(input) = input.float()
    int(input) = input.int()
    long(input) = input.int()
    can_cast(from, to) = canCast(from, to)
    promote_types(type1, type2) = promoteTypes(type1, type2)
    result_type(tensor1, tensor2) = resultType(tensor1, tensor2)
  `),
  ["max", extreme(max, maximum)],
  ["min", extreme(min, minimum)],
  // Device, non_blocking and copy have no counterpart: results never share memory that a user could write to.
  [
    "to",
    adapter([to], ([x, ...rest]) => {
      const dtype = rest.find((arg) => arg instanceof DtypeValue);
      return to.invoke([x, dtype?.dtype]);
    }),
  ],
]);
