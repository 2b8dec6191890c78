/** Small images of ten kinds, made on the host: each kind is one drawing of 12 × 12 pixels, each image adds its own noise. */

/** Random numbers in [0, 1), the same ones for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Pixels from 0 to 255, 144 for each image, and the numbers of the kinds. */
export function digits(count: number, seed = 1): { readonly pixels: Uint8Array; readonly labels: Uint8Array } {
  const [drawing, noise] = [randomFrom(12), randomFrom(seed)];
  const kinds = Uint8Array.from({ length: 10 * 144 }, () => (drawing() < 0.5 ? 0 : 160));
  const labels = Uint8Array.from({ length: count }, () => 10 * noise());
  const pixels = Uint8Array.from({ length: count * 144 }, (_, i) => {
    const kind = labels[Math.floor(i / 144)] as number;
    return (kinds[kind * 144 + (i % 144)] as number) + 95 * noise();
  });
  return { pixels, labels };
}
