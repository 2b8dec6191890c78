/** Dropout layers. They do something in training mode only. Floor: nn. */
import { structureChanged } from "../../tensor/capture.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { numberIn } from "../functional/common.ts";
import {
  type Dropping,
  type MaskShape,
  channelMask,
  dropToAlpha,
  dropWith,
  elementMask,
  featureMask,
} from "../functional/dropout.ts";
import { Module } from "../module/module.ts";

abstract class DropoutLayer extends Module {
  readonly #mask: MaskShape;
  readonly #build: Dropping | undefined;
  #p = 0;

  constructor(mask: MaskShape, p: number, build?: Dropping) {
    super();
    this.#mask = mask;
    this.#build = build;
    this.p = p;
  }

  /** Probability of 0. It may be changed at any time. */
  get p(): number {
    return this.#p;
  }

  set p(to: number) {
    numberIn(`nn.${this.constructor.name}`, "p", to, 0, 1);
    // Without a probability there is no mask in the graph.
    if ((to === 0) !== (this.#p === 0)) structureChanged("the p of a dropout layer became 0, or no longer is");
    this.#p = to;
  }

  forward(input: Tensor): Tensor {
    return dropWith(`nn.${this.constructor.name}`, input, () => this.#p, this.training, this.#mask, this.#build);
  }

  protected override describeSettings(): string {
    return String(this.p);
  }
}

/**
 * Sets elements to 0 with probability p (default 0.5) and scales the others by 1 / (1 − p); in evaluation mode it gives
 * its input back. Srivastava et al. (2014).
 *
 * @example
 * const layer = new nn.Dropout(0.25);
 * const share = layer.forward(ones(10000)).ne(0).float().mean();
 * Math.round(await share.item() * 20) / 20; // 0.75
 * await layer.eval().forward(tensor([1, 2])).array(); // [1, 2]
 */
export class Dropout extends DropoutLayer {
  constructor(p = 0.5) {
    super(elementMask, p);
  }
}

/** Dropout of whole channels of [N, C, L]. */
export class Dropout1d extends DropoutLayer {
  constructor(p = 0.5) {
    super(channelMask("nn.Dropout1d", 1), p);
  }
}

/** Dropout of whole channels of [N, C, H, W]. */
export class Dropout2d extends DropoutLayer {
  constructor(p = 0.5) {
    super(channelMask("nn.Dropout2d", 2), p);
  }
}

/** Dropout of whole channels of [N, C, D, H, W]. */
export class Dropout3d extends DropoutLayer {
  constructor(p = 0.5) {
    super(channelMask("nn.Dropout3d", 3), p);
  }
}

/**
 * Dropout for networks of SELU, as `alphaDropout`: mean 0 and variance 1 stay. p default 0.5.
 * Klambauer et al. (2017).
 *
 * @example
 * const x = randn(10000);
 * const deviation = await new nn.AlphaDropout(0.25).forward(x).std().item();
 * Math.round(deviation * 10) / 10; // 1
 */
export class AlphaDropout extends DropoutLayer {
  constructor(p = 0.5) {
    super(elementMask, p, dropToAlpha);
  }
}

/** `AlphaDropout` of whole channels of [N, C, ...]. */
export class FeatureAlphaDropout extends DropoutLayer {
  constructor(p = 0.5) {
    super(featureMask, p, dropToAlpha);
  }
}
