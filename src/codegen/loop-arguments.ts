/**
 * The arguments of a loop kernel in words of the target, the same for all: the extent of each loop; where lanes lie along a
 * dim the elements of a block of them; then for each access its start (an address, a count, or bytes from the start of the
 * workspace) and one step for each loop (bytes for memory, counts for an index), and the extent and step of a chosen dim;
 * then the address of the fault words; last the numbers of the call. Floor: codegen.
 */
import { type Dtype, itemSize } from "../base/dtype.ts";
import { type LoopKernel, counting } from "../schedule/kernel.ts";

/** Takes the arguments of one kernel, in their order. */
export interface LoopArgumentWriter {
  word(value: number): void;
  /** The address of a buffer of the kernel, plus some bytes. */
  address(buffer: number, addend: number): void;
  /** A number of the call, its bits in front. */
  number(dtype: Dtype, value: number): void;
  /** The address of the fault words. */
  fault(): void;
}

export function writeLoopArguments(kernel: LoopKernel, laneBlock: number, writer: LoopArgumentWriter): void {
  for (const extent of kernel.extents) writer.word(extent);
  if (kernel.lanes === "along") writer.word(laneBlock);
  for (const access of kernel.accesses) {
    const unit = access.buffer === counting ? 1 : itemSize[access.dtype];
    if (access.buffer < 0) writer.word(access.offset * unit);
    else writer.address(access.buffer, access.offset * unit);
    for (const stride of access.strides) writer.word(stride * unit);
    writer.word(access.indirect?.size ?? 0);
    writer.word((access.indirect?.stride ?? 0) * unit);
  }
  writer.fault();
  for (const { dtype, value } of kernel.numbers) writer.number(dtype, value);
}
