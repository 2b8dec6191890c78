/** 中文：注意力的一课。 */
import type { attentionEn } from "./attention-en.ts";

export const attentionZh: typeof attentionEn = {
  firstText: "小猫睡在猫窝里。小狗睡在狗窝里。小鸟睡在鸟窝里。小熊睡在熊窝里。小兔睡在兔窝里。小鸡睡在鸡窝里。",
  parts: {
    vectors: {
      title: "字变成向量",
      text: [
        "GPT 做的事，是根据前面的字猜下一个字（大的 GPT 用的是词的片段，道理一样）。每个不同的字都有自己的一串数，共 32 个，叫*向量* `e`；一行里的每个位置也有一个，记作 `p`。",
        "往下传的是两者之和 `x = e + p`：既说明是哪个字，也说明站在哪里。这些数都是权重，开始时随机，然后靠训练得来。",
      ],
      task: "选一个字，再选另一个位置上的同一个字：`e` 不变，`p` 和 `x` 变了。",
    },
    scores: {
      title: "查询、键、值",
      text: [
        "一个字怎么知道前面写了什么？`x` 先调到同样的大小，再由三个权重矩阵变出三个向量：*查询* `q`，它在找什么；*键* `k`，别人凭什么找到它；*值* `v`，它交出什么。这里有两个*头*，每个头的 `q`、`k`、`v` 各有 16 个数。",
        "第 `i` 个字给第 `j` 个字的分数是 `qᵢ · kⱼ / √16`。softmax 把这些分数变成加起来等于 1 的权重 `a`，第 `i` 个字得到的就是混合 `Σ a v`。",
      ],
      task: "选第六个或更后面的字，再选出它前面得到它最大权重的那个字。",
    },
    mask: {
      title: "不许往后看",
      text: [
        "图里每一行是一个在看的字，每一列是一个被看的字。右上半边画着斜线：后面的字正是要猜的，所以不能看。做法是在 softmax 之前把那里的分数设成 −∞，权重就成了 0。这叫*因果掩码*。",
        "第一个字只看得到自己，给自己的权重就是 1。有了掩码，一行里的每个位置都是一道独立的题：一次训练 24 次猜测。",
      ],
      task: "把掩码去掉，看第一行怎样填满，再放回去。",
    },
    train: {
      title: "训练",
      text: [
        "每一步从文字里取 8 段。正向传递：每个位置给出下一个字的概率。损失：真正的下一个字的 `−log p`，取平均。然后反向传递，再由 Adam 更新。",
        "比较训练前后的图。刚开始，每个字几乎把其他字平均地混在一起；训练过的头会挑选：在这段文字里，“在”后面写什么，要看前面是哪种动物。",
      ],
      task: "一直训练，到损失低于 0.2，而且网络能照着原文接下去。",
    },
    backward: {
      title: "反向穿过注意力",
      text: [
        "只取一次猜测的损失：所选的字那里的 `L = −log p`。反向传递给每个字的向量 `x` 算出一个梯度，它的长度就是这次猜测对那个向量的拉力有多大。",
        "位置之间只有注意力这一条路。所以前面的字分到的那一份，是顺着被看到的键和值传回去的。所选的字后面的那些，梯度正好是 0：掩码两个方向都管用。",
      ],
      task: "先训练，然后找一个字：它这次猜测对前面某个字的拉力，至少有对自己的一半。",
    },
    write: {
      title: "写下去",
      text: [
        "写的时候，按概率抽一个字，接在行末，网络再接着读。它看得到最后 24 个字。",
        "softmax 之前，先把各个和除以*温度* `T`。接近 0 时，几乎总是最可能的字被抽中；大于 1 时，少见的字出现得更多。`T = 0` 表示每次都取最可能的字。",
      ],
      task: "让它连着写出原文里就有的 12 个字，然后试试温度 3。",
    },
  },
  text: "用来训练的文字",
  useText: "用这段文字开始",
  badText: (least: number, most: number): string => `文字要有 ${least} 到 ${most} 个字，至少两个不同的字。`,
  seen: "看到的一段，从第几个字起",
  line: "这一行：选一个字",
  to: "被看的字，和它得到的权重",
  letter: (place: number, letter: string): string => `第 ${place} 个字：${letter}`,
  withShare: (letter: string, value: string): string => `${letter}，${value}`,
  vectors: "所选的字的向量",
  ofLetter: "e，字的",
  ofPlace: "p，位置的",
  sum: "x，两者之和",
  head: "头",
  queryKey: "所选的字的查询，被看的字的键",
  taken: "得到的混合：Σ a v",
  score: "分数与权重",
  hidden: "它在所选的字后面：被掩码遮住，权重是 0。",
  map: (head: number): string => `第 ${head} 个头：权重`,
  mapBefore: (head: number): string => `第 ${head} 个头：训练之前`,
  mask: "掩码：不许往后看",
  goesOn: (start: string): string => `在“${start}”后面，它接着写`,
  inText: "原文是",
  lengths: "每个字的 x 的梯度长度",
  gradients: "∂L/∂x：每个字一行",
  lossAt: (letter: string, next: string): string => `一次猜测的损失：${letter} 后面是 ${next}`,
  trainFirst: "还没有训练。",
  start: "开头",
  temperature: "温度 T",
  one: "下一个字",
  many: "12 个字",
  clear: "重新写",
  written: "写出的字",
  unknown: (letter: string): string => `文字里没有“${letter}”，网络不认识它。`,
  empty: "开头至少要有一个字。",
  chances: "下一个字的概率",
};
