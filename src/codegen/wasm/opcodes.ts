/**
 * The WebAssembly instructions, by their names in the specification, with their codes.
 * A table only: how an instruction is written stands in function.ts. Floor: codegen.
 *
 * Each row is a run of consecutive codes: the number is the code of its first word, "-" is an unused code. A code above
 * 0xff is a prefix byte times 0x1000 plus the number behind the prefix (0xfd0e4 is number 0xe4 behind 0xfd).
 */

type Table = readonly (readonly [first: number, names: string])[];

/** Instructions without immediate operands. */
const plain = [
  [0x00, "unreachable nop"],
  [0x0f, "return"],
  [0x1a, "drop select"],
  [0x45, "i32.eqz i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u"],
  [0x50, "i64.eqz i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u"],
  [0x5b, "f32.eq f32.ne f32.lt f32.gt f32.le f32.ge f64.eq f64.ne f64.lt f64.gt f64.le f64.ge"],
  [0x67, "i32.clz i32.ctz i32.popcnt i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u"],
  [0x71, "i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr"],
  [0x79, "i64.clz i64.ctz i64.popcnt i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s i64.rem_u"],
  [0x83, "i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr"],
  [0x8b, "f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt"],
  [0x92, "f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign"],
  [0x99, "f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt"],
  [0xa0, "f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign"],
  [0xa7, "i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u i64.extend_i32_s"],
  [0xad, "i64.extend_i32_u i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u"],
  [0xb2, "f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f32.demote_f64"],
  [0xb7, "f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32"],
  [0xbc, "i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64"],
  [0xc0, "i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s"],
  [0xfc000, "i32.trunc_sat_f32_s i32.trunc_sat_f32_u i32.trunc_sat_f64_s i32.trunc_sat_f64_u"],
  [0xfc004, "i64.trunc_sat_f32_s i64.trunc_sat_f32_u i64.trunc_sat_f64_s i64.trunc_sat_f64_u"],
  [0xfd00e, "i8x16.swizzle i8x16.splat i16x8.splat i32x4.splat i64x2.splat f32x4.splat f64x2.splat"],
  [
    0xfd023,
    "i8x16.eq i8x16.ne i8x16.lt_s i8x16.lt_u i8x16.gt_s i8x16.gt_u i8x16.le_s i8x16.le_u i8x16.ge_s i8x16.ge_u",
  ],
  [
    0xfd02d,
    "i16x8.eq i16x8.ne i16x8.lt_s i16x8.lt_u i16x8.gt_s i16x8.gt_u i16x8.le_s i16x8.le_u i16x8.ge_s i16x8.ge_u",
  ],
  [
    0xfd037,
    "i32x4.eq i32x4.ne i32x4.lt_s i32x4.lt_u i32x4.gt_s i32x4.gt_u i32x4.le_s i32x4.le_u i32x4.ge_s i32x4.ge_u",
  ],
  [0xfd041, "f32x4.eq f32x4.ne f32x4.lt f32x4.gt f32x4.le f32x4.ge"],
  [0xfd047, "f64x2.eq f64x2.ne f64x2.lt f64x2.gt f64x2.le f64x2.ge"],
  [0xfd04d, "v128.not v128.and v128.andnot v128.or v128.xor v128.bitselect v128.any_true"],
  [0xfd05e, "f32x4.demote_f64x2_zero f64x2.promote_low_f32x4"],
  [0xfd060, "i8x16.abs i8x16.neg i8x16.popcnt i8x16.all_true i8x16.bitmask i8x16.narrow_i16x8_s i8x16.narrow_i16x8_u"],
  [0xfd067, "f32x4.ceil f32x4.floor f32x4.trunc f32x4.nearest i8x16.shl i8x16.shr_s i8x16.shr_u i8x16.add"],
  [0xfd06f, "i8x16.add_sat_s i8x16.add_sat_u i8x16.sub i8x16.sub_sat_s i8x16.sub_sat_u f64x2.ceil f64x2.floor"],
  [0xfd076, "i8x16.min_s i8x16.min_u i8x16.max_s i8x16.max_u f64x2.trunc i8x16.avgr_u i16x8.extadd_pairwise_i8x16_s"],
  [0xfd07d, "i16x8.extadd_pairwise_i8x16_u i32x4.extadd_pairwise_i16x8_s i32x4.extadd_pairwise_i16x8_u"],
  [0xfd080, "i16x8.abs i16x8.neg i16x8.q15mulr_sat_s i16x8.all_true i16x8.bitmask i16x8.narrow_i32x4_s"],
  [0xfd086, "i16x8.narrow_i32x4_u i16x8.extend_low_i8x16_s i16x8.extend_high_i8x16_s i16x8.extend_low_i8x16_u"],
  [0xfd08a, "i16x8.extend_high_i8x16_u i16x8.shl i16x8.shr_s i16x8.shr_u i16x8.add i16x8.add_sat_s i16x8.add_sat_u"],
  [0xfd091, "i16x8.sub i16x8.sub_sat_s i16x8.sub_sat_u f64x2.nearest i16x8.mul i16x8.min_s i16x8.min_u i16x8.max_s"],
  [0xfd099, "i16x8.max_u - i16x8.avgr_u i16x8.extmul_low_i8x16_s i16x8.extmul_high_i8x16_s i16x8.extmul_low_i8x16_u"],
  [0xfd09f, "i16x8.extmul_high_i8x16_u i32x4.abs i32x4.neg - i32x4.all_true i32x4.bitmask"],
  [0xfd0a7, "i32x4.extend_low_i16x8_s i32x4.extend_high_i16x8_s i32x4.extend_low_i16x8_u i32x4.extend_high_i16x8_u"],
  [0xfd0ab, "i32x4.shl i32x4.shr_s i32x4.shr_u i32x4.add - - i32x4.sub - - - i32x4.mul i32x4.min_s i32x4.min_u"],
  [0xfd0b8, "i32x4.max_s i32x4.max_u i32x4.dot_i16x8_s - i32x4.extmul_low_i16x8_s i32x4.extmul_high_i16x8_s"],
  [0xfd0be, "i32x4.extmul_low_i16x8_u i32x4.extmul_high_i16x8_u i64x2.abs i64x2.neg - i64x2.all_true i64x2.bitmask"],
  [0xfd0c7, "i64x2.extend_low_i32x4_s i64x2.extend_high_i32x4_s i64x2.extend_low_i32x4_u i64x2.extend_high_i32x4_u"],
  [0xfd0cb, "i64x2.shl i64x2.shr_s i64x2.shr_u i64x2.add - - i64x2.sub - - - i64x2.mul i64x2.eq i64x2.ne i64x2.lt_s"],
  [0xfd0d9, "i64x2.gt_s i64x2.le_s i64x2.ge_s i64x2.extmul_low_i32x4_s i64x2.extmul_high_i32x4_s"],
  [0xfd0de, "i64x2.extmul_low_i32x4_u i64x2.extmul_high_i32x4_u f32x4.abs f32x4.neg - f32x4.sqrt f32x4.add f32x4.sub"],
  [0xfd0e6, "f32x4.mul f32x4.div f32x4.min f32x4.max f32x4.pmin f32x4.pmax f64x2.abs f64x2.neg - f64x2.sqrt"],
  [0xfd0f0, "f64x2.add f64x2.sub f64x2.mul f64x2.div f64x2.min f64x2.max f64x2.pmin f64x2.pmax"],
  [0xfd0f8, "i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u f32x4.convert_i32x4_s f32x4.convert_i32x4_u"],
  [
    0xfd0fc,
    "i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u",
  ],
  [0xfd100, "i8x16.relaxed_swizzle i32x4.relaxed_trunc_f32x4_s i32x4.relaxed_trunc_f32x4_u"],
  [0xfd103, "i32x4.relaxed_trunc_f64x2_s_zero i32x4.relaxed_trunc_f64x2_u_zero f32x4.relaxed_madd f32x4.relaxed_nmadd"],
  [0xfd107, "f64x2.relaxed_madd f64x2.relaxed_nmadd i8x16.relaxed_laneselect i16x8.relaxed_laneselect"],
  [0xfd10b, "i32x4.relaxed_laneselect i64x2.relaxed_laneselect f32x4.relaxed_min f32x4.relaxed_max f64x2.relaxed_min"],
  [0xfd110, "f64x2.relaxed_max i16x8.relaxed_q15mulr_s i16x8.relaxed_dot_i8x16_i7x16_s"],
  [0xfd113, "i32x4.relaxed_dot_i8x16_i7x16_add_s"],
] as const satisfies Table;

/** Instructions that read memory: the address is on the stack, the offset is immediate. */
const loads = [
  [0x28, "i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u"],
  [0x30, "i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u"],
  [0xfd000, "v128.load v128.load8x8_s v128.load8x8_u v128.load16x4_s v128.load16x4_u v128.load32x2_s v128.load32x2_u"],
  [0xfd007, "v128.load8_splat v128.load16_splat v128.load32_splat v128.load64_splat"],
  [0xfd05c, "v128.load32_zero v128.load64_zero"],
  [0xfe010, "i32.atomic.load i64.atomic.load"],
] as const satisfies Table;

/** Instructions that write memory: address and value are on the stack, the offset is immediate. */
const stores = [
  [0x36, "i32.store i64.store f32.store f64.store i32.store8 i32.store16 i64.store8 i64.store16 i64.store32"],
  [0xfd00b, "v128.store"],
  [0xfe017, "i32.atomic.store i64.atomic.store"],
] as const satisfies Table;

/** Read, change and write back as one; `wait` sleeps until notified. They leave the old value (or status or count). */
const atomics = [
  [0xfe000, "memory.atomic.notify memory.atomic.wait32 memory.atomic.wait64"],
  [0xfe01e, "i32.atomic.rmw.add i64.atomic.rmw.add"],
  [0xfe025, "i32.atomic.rmw.sub i64.atomic.rmw.sub"],
  [0xfe02c, "i32.atomic.rmw.and i64.atomic.rmw.and"],
  [0xfe033, "i32.atomic.rmw.or i64.atomic.rmw.or"],
  [0xfe03a, "i32.atomic.rmw.xor i64.atomic.rmw.xor"],
  [0xfe041, "i32.atomic.rmw.xchg i64.atomic.rmw.xchg"],
  [0xfe048, "i32.atomic.rmw.cmpxchg i64.atomic.rmw.cmpxchg"],
] as const satisfies Table;

/** Loads and stores of one lane: address and vector are on the stack, offset and lane are immediate. */
const memoryLanes = [
  [0xfd054, "v128.load8_lane v128.load16_lane v128.load32_lane v128.load64_lane"],
  [0xfd058, "v128.store8_lane v128.store16_lane v128.store32_lane v128.store64_lane"],
] as const satisfies Table;

/** Reads or replaces one lane of a vector on the stack; the lane is immediate. */
const lanes = [
  [0xfd015, "i8x16.extract_lane_s i8x16.extract_lane_u i8x16.replace_lane"],
  [0xfd018, "i16x8.extract_lane_s i16x8.extract_lane_u i16x8.replace_lane"],
  [0xfd01b, "i32x4.extract_lane i32x4.replace_lane i64x2.extract_lane i64x2.replace_lane"],
  [0xfd01f, "f32x4.extract_lane f32x4.replace_lane f64x2.extract_lane f64x2.replace_lane"],
] as const satisfies Table;

type Words<Row extends string, Found extends string = never> = Row extends `${infer Word} ${infer Rest}`
  ? Words<Rest, Found | Word>
  : Found | Row;

type NamesIn<T extends Table> = Exclude<Words<T[number][1]>, "-">;

export type PlainOp = NamesIn<typeof plain>;
export type LoadOp = NamesIn<typeof loads>;
export type StoreOp = NamesIn<typeof stores>;
export type AtomicOp = NamesIn<typeof atomics>;
export type MemoryLaneOp = NamesIn<typeof memoryLanes>;
export type LaneOp = NamesIn<typeof lanes>;
export type OpName = PlainOp | LoadOp | StoreOp | AtomicOp | MemoryLaneOp | LaneOp;

function codesOf(tables: readonly Table[]): Record<OpName, number> {
  const rows = tables.flat().flatMap(([first, names]) => names.split(" ").map((name, i) => [name, first + i] as const));
  return Object.fromEntries(rows.filter(([name]) => name !== "-")) as Record<OpName, number>;
}

/** Code of each instruction, in the encoding described at the top. */
export const opcodes: Readonly<Record<OpName, number>> = codesOf([plain, loads, stores, atomics, memoryLanes, lanes]);

export type MemoryOp = LoadOp | StoreOp | AtomicOp | MemoryLaneOp;

/** log2 of the bytes that each memory instruction moves: 2 for v128.load32_splat, 4 for v128.load. */
export const naturalAlignment: Readonly<Record<MemoryOp, number>> = naturalAlignments();

function naturalAlignments(): Record<MemoryOp, number> {
  const typeBits: Record<string, number> = { i32: 32, i64: 64, f32: 32, f64: 64, v128: 128, memory: 32 };
  const names = Object.keys(codesOf([loads, stores, atomics, memoryLanes])) as MemoryOp[];
  const alignments = names.map((name) => {
    const [, lane, count] = /(?:load|store|wait)(\d+)(?:x(\d+))?/.exec(name) ?? [];
    const bits = lane === undefined ? typeBits[name.slice(0, name.indexOf("."))] : Number(lane) * Number(count ?? 1);
    return [name, Math.log2((bits ?? 0) / 8)];
  });
  return Object.fromEntries(alignments) as Record<MemoryOp, number>;
}
