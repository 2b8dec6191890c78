/** A count of changes that can be waited for. */
export class Ticker {
  #version = 1;
  #waiting: (() => void)[] = [];

  get version(): number {
    return this.#version;
  }

  tick(): void {
    this.#version++;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  async after(version: number): Promise<void> {
    while (this.#version <= version) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
