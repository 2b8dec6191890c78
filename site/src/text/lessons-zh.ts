/** 中文：课程。每一课自己的文字在 lessons/ 里。 */
import type { lessonsEn } from "./lessons-en.ts";

export const lessonsZh: typeof lessonsEn = {
  list: "课程",
  titles: {
    neuron: "一个神经元",
    layer: "一层神经元",
    loss: "损失函数",
    chainRule: "计算图上的链式法则",
    descent: "梯度下降与学习率",
    optimizers: "动量、RMSProp 与 Adam",
    digit: "识别数字的网络",
    attention: "小型 GPT 里的注意力",
  },
  questions: {
    neuron: "单个神经元在算什么？它能学会什么？",
    layer: "几个神经元合起来，能做到哪些一个做不到的事？",
    loss: "“错了多少”怎样变成一个数？",
    chainRule: "反向传递怎么知道每个数该负多少责任？",
    descent: "权重该往哪边走，走多远？",
    optimizers: "为什么不干脆一直往下走？",
    digit: "识别图像的网络，每一层看到了什么？",
    attention: "一个字怎么知道前面写了什么？",
  },
  part: (at: number, count: number): string => `第 ${at} 节，共 ${count} 节`,
  previousPart: "上一节",
  nextPart: "下一节",
  nextLesson: (title: string): string => `下一课：${title}`,
  task: "试一试",
  taskDone: "✓ 做到了",
  training: "训练",
  train: "训练",
  pause: "暂停",
  oneStep: "走一步",
  fromStart: "从头开始",
  /** Of the panel that trains a larger network. */
  network: {
    rate: "学习率 η",
    steps: "步数",
    loss: "损失",
    lossCurve: "每一步的损失",
    broken: (step: number): string =>
      `到第 ${step} 步，损失已经不是有限的数了：学习率太大。请把它调小，再点“从头开始”。`,
  },
};
