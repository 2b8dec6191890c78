/** English: the lesson of attention. */
export const attentionEn = {
  firstText:
    "the cat sat on the mat. the dog sat on the log. the hen sat in the pen. the fox sat on the box. the bug sat in the mug. ",
  parts: {
    vectors: {
      title: "Letters become vectors",
      text: [
        "A GPT guesses the next letter from the letters before it. (Large ones use pieces of words instead of letters.) Each letter of the alphabet has a list of 32 numbers of its own, a *vector* `e`. Each place in the line has one too, `p`.",
        "What goes on is their sum `x = e + p`: which letter it is, and where it stands. All these numbers are weights. They begin at random and are trained.",
      ],
      task: "Choose a letter, and then the same letter at another place: `e` stays, `p` and `x` change.",
    },
    scores: {
      title: "Query, key, value",
      text: [
        "How does a letter learn what stands before it? Three matrices of weights make three vectors of each `x` (brought to one scale first): a *query* `q`, what it looks for; a *key* `k`, what it can be found by; a *value* `v`, what it passes on. There are two *heads*, each with 16 numbers in `q`, `k` and `v`.",
        "The score of letter `i` for letter `j` is `qᵢ · kⱼ / √16`. Softmax makes of the scores weights `a` that add up to 1, and letter `i` takes the mix `Σ a v`.",
      ],
      task: "Choose a letter from the sixth on whose greatest weight goes to a letter before it, and then choose that one too.",
    },
    mask: {
      title: "No looking ahead",
      text: [
        "Each row of this map is a letter that looks, each column a letter that is looked at. The upper right half is hatched: a letter must not see those after it, for it is to guess them. The scores there are set to −∞ before the softmax, which makes the weights 0. This is the *causal mask*.",
        "The first letter sees only itself, so it gives itself weight 1. Thanks to the mask, each place of a line is an example of its own: 24 guesses are trained at once.",
      ],
      task: "Take the mask away, see the first row fill, and put it back.",
    },
    train: {
      title: "Training",
      text: [
        "A step takes 8 pieces of the text. Forward pass: at each place, probabilities for the next letter. Loss: the mean of `−log p` of the letters that really follow. Then the backward pass, and an update by Adam.",
        "Look at the maps before and after. At random, each letter mixes all that it sees almost evenly. Trained heads choose: in this text, what follows “the” at the end of a sentence depends on letters far back.",
      ],
      task: "Train until the loss is below 0.2 and the network goes on as the text does.",
    },
    backward: {
      title: "Back through attention",
      text: [
        "Take the loss of one guess alone, `L = −log p` at the chosen letter. The backward pass gives a gradient for the vector `x` of each letter. Its length says how much this guess pulls at that vector.",
        "Attention is the only road between places. So an earlier letter gets its share through the keys and values that were looked at. Letters after the chosen one get exactly 0: the mask holds in both directions.",
      ],
      task: "Train first. Then find a letter whose guess pulls at an earlier letter at least half as much as at itself.",
    },
    write: {
      title: "Writing",
      text: [
        "To write, one letter is drawn by the probabilities and put at the end of the line, and the network reads on. It sees the last 24 letters.",
        "Before the softmax the sums are divided by the *temperature* `T`. Near 0 the likeliest letter nearly always wins; above 1 rare letters come more often. `T = 0` means: always the likeliest.",
      ],
      task: "Let it write 12 letters in a row that stand so in the text. Then try a temperature of 3.",
    },
  },
  text: "Text to train on",
  useText: "Begin with this text",
  badText: (least: number, most: number): string =>
    `A text has ${least} to ${most} letters, and at least two different ones.`,
  seen: "What is seen, first letter",
  line: "Line: choose a letter",
  to: "Letter that is looked at, with its weight",
  letter: (place: number, letter: string): string => `letter ${place}: ${letter}`,
  withShare: (letter: string, value: string): string => `${letter}, ${value}`,
  vectors: "Vectors of the chosen letter",
  ofLetter: "e, of the letter",
  ofPlace: "p, of the place",
  sum: "x, their sum",
  head: "Head",
  queryKey: "Query of the chosen letter, key of the one that is looked at",
  taken: "What is taken: Σ a v",
  score: "Score and weight",
  hidden: "It stands after the chosen letter: hidden by the mask, weight 0.",
  map: (head: number): string => `Head ${head}: weights`,
  mapBefore: (head: number): string => `Head ${head}: before training`,
  mask: "Mask: no looking ahead",
  goesOn: (start: string): string => `After “${start}” it goes on with`,
  inText: "in the text",
  lengths: "Length of the gradient of each letter's x",
  gradients: "∂L/∂x: a row for each letter",
  lossAt: (letter: string, next: string): string => `Loss of one guess: after ${letter} comes ${next}`,
  trainFirst: "Not trained yet.",
  start: "Begin with",
  temperature: "Temperature T",
  one: "Next letter",
  many: "12 letters",
  clear: "Begin again",
  written: "Written",
  unknown: (letter: string): string => `The text has no ${letter}, so the network does not know it.`,
  empty: "At least one letter is needed to begin with.",
  chances: "Probabilities of the next letter",
};
