/** Free ranges of addresses: first fit, neighbours joined when they come back. Floor: runtime. */
export class FreeRanges {
  /** By address. */
  readonly #free: { address: number; bytes: number }[] = [];

  /** The address of the first free range of so many bytes, which is taken; undefined where there is none. */
  take(bytes: number): number | undefined {
    const at = this.#free.findIndex((r) => r.bytes >= bytes);
    const range = this.#free[at];
    if (range === undefined) return undefined;
    const address = range.address;
    range.address += bytes;
    range.bytes -= bytes;
    if (range.bytes === 0) this.#free.splice(at, 1);
    return address;
  }

  give(address: number, bytes: number): void {
    if (bytes === 0) return;
    let at = this.#free.findIndex((r) => r.address > address);
    if (at < 0) at = this.#free.length;
    const before = this.#free[at - 1];
    const after = this.#free[at];
    const joinsBefore = before !== undefined && before.address + before.bytes === address;
    const joinsAfter = after !== undefined && address + bytes === after.address;
    if (joinsBefore && joinsAfter) {
      before.bytes += bytes + after.bytes;
      this.#free.splice(at, 1);
    } else if (joinsBefore) before.bytes += bytes;
    else if (joinsAfter) {
      after.address = address;
      after.bytes += bytes;
    } else this.#free.splice(at, 0, { address, bytes });
  }

  /** Bytes of the free range that ends at an address. */
  before(end: number): number {
    return this.#free.find((r) => r.address + r.bytes === end)?.bytes ?? 0;
  }

  /** Takes a range out if all of it is free. */
  remove(address: number, bytes: number): boolean {
    const range = this.#free.find((r) => r.address <= address && r.address + r.bytes >= address + bytes);
    if (range === undefined) return false;
    const end = range.address + range.bytes;
    this.#free.splice(this.#free.indexOf(range), 1);
    this.give(range.address, address - range.address);
    this.give(address + bytes, end - address - bytes);
    return true;
  }
}
