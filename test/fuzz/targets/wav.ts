/** WAV files of each way to store samples. */
import { decodeWav, encodeWav } from "../../../src/data/formats/wav.ts";
import type { FuzzTarget } from "../target.ts";
import { wavFile } from "../../data/wav-files.ts";

const samples = Float32Array.of(0, 0.5, -0.5, 0.25);
const stereo = { data: samples, shape: [2, 2] };

export const targets: readonly FuzzTarget[] = [
  {
    name: "wav",
    seeds: [
      encodeWav(samples, { sampleRate: 8000 }),
      encodeWav(stereo, { sampleRate: 44100, format: "float32" }),
      wavFile({ code: 1, bits: 8, channels: 1, samples: [128, 255, 0], before: [["LIST", [1, 2, 3]]] }),
      wavFile({ code: 1, bits: 24, channels: 2, samples: [1, 2, 3, 4, 5, 6] }),
      wavFile({ code: 3, bits: 64, channels: 1, samples: [0, 0, 0, 0, 0, 0, 0xe0, 0x3f] }),
      wavFile({ code: 1, bits: 16, channels: 1, samples: [0, 1, 2, 3], isExtensible: true }),
    ],
    tokens: ["RIFF", "WAVE", "fmt ", "data", "fact", "LIST"],
    read: (bytes) => decodeWav(bytes, "fuzz"),
  },
];
