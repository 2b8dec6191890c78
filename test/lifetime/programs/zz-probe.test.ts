import { test } from "vitest";
import { binaryCrossEntropyWithLogits, logSoftmax } from "../../../src/nn/functional.ts";
import * as nn from "../../../src/nn/index.ts";
import { Adam } from "../../../src/optim/index.ts";
import { tensor, zeros, int32 } from "../../../src/tensor/creation.ts";
import { randn } from "../../../src/tensor/random.ts";
import { setHints } from "../../../src/tensor/switches.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { Watch } from "../watch.ts";
const report = (w: Watch) => { try { w.check({ plans: 1, runs: 10 }); } catch (e) { console.log("@@ ", (e as Error).message.slice(0, 150)); } };
test.each([4, 5, 8, 12, 32])("lstm cell by hand loop of %d", async (T) => {
  const w = new Watch(); const m = new nn.LSTMCell(3, 8); const h = new nn.Linear(8, 3); const o = new Adam([...m.parameters(), ...h.parameters()]);
  let s: nn.LSTMState = [zeros(4, 8), zeros(4, 8)];
  do { let l: Tensor = tensor(0); for (let t = 0; t < T; t++) { s = m.forward(randn(4, 3), s); w.forward(s[0]); w.forward(s[1]); const y = h.forward(s[0]); w.forward(y); l = l.add(y.square().mean()); } o.zeroGrad(); l.backward(); o.step(); s = [s[0].detach(), s[1].detach()]; } while (w.step());
  report(w);
});
test("inside one module", async () => {
  class R extends nn.Module { cell = new nn.LSTMCell(3, 8); head = new nn.Linear(8, 3);
    forward(xs: Tensor[], s: nn.LSTMState): [Tensor, nn.LSTMState] { let l: Tensor = tensor(0); for (const x of xs) { s = this.cell.forward(x, s); l = l.add(this.head.forward(s[0]).square().mean()); } return [l, s]; } }
  const w = new Watch(); const m = new R(); const o = new Adam(m.parameters());
  let s: nn.LSTMState = [zeros(4, 8), zeros(4, 8)];
  do { const [l, n] = m.forward(Array.from({ length: 12 }, () => randn(4, 3)), s); w.forward(l); o.zeroGrad(); l.backward(); s = [n[0].detach(), n[1].detach()]; o.step(); } while (w.step());
  report(w);
});
test("reinforce as in PyTorch's examples: act with gradients", async () => {
  setHints(false);
  const w = new Watch(); const m = new nn.Sequential(new nn.Linear(4, 8), new nn.Tanh(), new nn.Linear(8, 2)); const o = new Adam(m.parameters());
  do { const logs: Tensor[] = []; for (let t = 0; t < 6; t++) { const p = logSoftmax(w.forward(m.forward(randn(1, 4))), -1); const a = (await p.exp().array(2))[0]![1]! > Math.random() ? 1 : 0; logs.push(p.gather(1, int32([[a]])).sum()); }
    const l = logs.reduce((a, b) => a.add(b)).neg(); o.zeroGrad(); l.backward(); o.step(); } while (w.step());
  report(w);
});
test("cache: data in two runs, 100 steps", async () => { const w = new Watch(); void w; void binaryCrossEntropyWithLogits; });
