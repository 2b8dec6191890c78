/** `twopass/data/node`: data sets and readers that need files. Floor: data; Node only. */
export { type MnistDigits, type MnistOptions, mnist } from "./mnist.ts";
