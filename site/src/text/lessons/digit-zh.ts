/** 中文：识别数字的一课。 */
import type { digitEn } from "./digit-en.ts";

export const digitZh: typeof digitEn = {
  parts: {
    picture: {
      title: "一张图就是 784 个数",
      text: [
        "网络看不到图，只看得到数。这张图分成 28 行、28 列像素，每个像素是 0（没有墨）到 1（全是墨）之间的一个数，一行一行排下来，就是 `x₁` 到 `x₇₈₄`。",
        "对网络来说，它们只是一串数。哪些像素挨在一起，没有人告诉它。",
      ],
      task: "选一个值不小于 0.9 的像素：用鼠标点，或用方向键移动后按回车。",
    },
    layers: {
      title: "三层",
      text: [
        "这 784 个数交给 16 个单元。每个单元把每个像素 `xⱼ` 乘以一个权重 `wⱼ`，全部相加，再加上偏置 `b`，得到 `z`；大于 0 就留下，否则记为 0：`h = max(0, z)`。第二层用同样的办法，从这 16 个数得到 16 个数 `g`。",
        "最后一层有十个加权和，每个数字一个。*softmax* 把它们变成概率：`pₖ = e^zₖ / Σ e^z`，概率最大的就是答案。训练之前，权重是随机的，答案也就是乱猜。",
      ],
      task: "在第一层里找一个对这张图“关着”的单元：它的 `h` 正好是 0。",
    },
    train: {
      title: "训练",
      text: [
        "每一步从 400 张图里取 32 张，各自稍微挪动一点。正向传递：每张图得到十个概率。损失：`L = −log p` 的平均值，`p` 是正确数字的概率。反向传递：13,002 个权重和偏置各得到一个梯度。更新：Adam 让每个数逆着自己的梯度走一小步。",
        "真正要看的，是没有用来训练的图认得怎么样：为此留出了 100 张。",
      ],
      task: "一直训练，到留出的图至少有 90% 认对为止。",
    },
    weights: {
      title: "第一层在找什么",
      text: [
        "第一层的每个单元对每个像素都有一个权重，所以它的权重也能画成一张图。紫色：这里有墨，加权和就变大；赭色：这里有墨，加权和就变小。",
        "旁边画的是每个像素为这张图贡献了多少：权重乘以像素，`wⱼ · xⱼ`。没有墨的地方就是 0。刚开始时权重图是一片杂点，训练之后，笔画和空隙慢慢显出来。一直是杂点的图，属于对每张图都关着的单元：它的梯度是 0，什么也学不到。",
      ],
      task: "选出对这张图值最大的那个单元，看看它的加权和是从哪里来的。",
    },
    backward: {
      title: "一直传回像素",
      text: [
        "反向传递从最后的加权和 `z` 开始：`∂L/∂zₖ = pₖ − yₖ`；对想要的数字，`yₖ` 为 1，对其余数字为 0。它一层一层往回走，不必停在权重上：`∂L/∂xⱼ` 说的是，像素 `xⱼ` 的墨多一点，损失会怎么变。",
        "把“想要的数字”换成别的，就能看出哪些像素在替它说话：梯度是赭色（小于 0）的地方该加墨，紫色的地方该减墨。“移动像素”让像素逆着梯度走一小步，权重保持不动。",
      ],
      task: "选一个与这张图不同的数字作为想要的，移动像素，直到网络给出这个答案。",
    },
    mistakes: {
      title: "认错的，和自己写的",
      text: [
        "这些是留出的图里认错的。有的人看着也为难；有的明明很清楚，网络还是错了。它知道的，只有那 400 个例子里有的东西。",
        "自己写一个试试。它会被挪到正中，因为数据里的数字都在正中；大小和笔迹保持原样，所以最好写得大一些。",
      ],
      task: "写一个数字，说明写的是几，并让网络认对。",
    },
  },
  noDigits: "数字文件（digits.bin）没能载入，所以没有可看、可训练的东西。",
  tryAgain: "再试一次",
  loading: "正在载入数字……",
  digit: (place: number, count: number, label: number): string => `第 ${place} 张，共 ${count} 张：${label}`,
  previous: "上一张",
  next: "下一张",
  shown: "这张图",
  changed: "像素移动过的图",
  zoom: "所选像素周围",
  row: (at: number): string => `第 ${at} 行`,
  column: (at: number): string => `第 ${at} 列`,
  noPixel: "还没有选像素。",
  pixel: (row: number, column: number): string => `第 ${row} 行，第 ${column} 列`,
  layer: ["第一层：h₁ 到 h₁₆", "第二层：g₁ 到 g₁₆", "答案：p₀ 到 p₉"],
  unitFormula: (name: string): string => `${name} 的计算`,
  formulaHint: "加权和里只写出绝对值最大的两个乘积。",
  answer: "各个答案的概率",
  answers: (digit: number): string => `网络的答案是 ${digit}。`,
  right: "留出的图的正确率",
  unitPicture: (name: string): string => `${name} 的权重`,
  products: (name: string): string => `每个像素给 ${name} 加了多少`,
  wanted: "想要的数字 y",
  pixelGradient: "每个像素的 ∂L/∂x",
  move: "移动像素",
  original: "恢复原图",
  wrong: (count: number): string => `留出的图里认错的：${count} 张`,
  wrongOne: (label: number, answer: number): string => `${label}，认成 ${answer}`,
  untrained: "网络还没有训练过：在这里点“训练”也可以。",
  pad: "写一个数字给网络看",
  clear: "擦掉",
  itIs: "写的是",
  unsaid: "–",
};
