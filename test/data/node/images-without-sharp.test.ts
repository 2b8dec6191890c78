import { expect, test, vi } from "vitest";
import { readImage } from "../../../src/data/node/index.ts";

vi.mock("sharp", () => {
  throw new Error("Cannot find package 'sharp'");
});

test("without sharp, an image is refused with the command that installs it, each time", async () => {
  const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  for (let i = 0; i < 2; i++) {
    await expect(readImage(png)).rejects.toMatchObject({
      name: "TwopassError",
      message: expect.stringMatching(/^readImage: the npm package sharp is not installed: .*\(npm install sharp\)$/),
    });
  }
});
