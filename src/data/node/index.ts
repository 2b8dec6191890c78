/** `twopass/data/node`: data sets and readers that need files. Floor: data; Node only. */
export {
  readCsvFile,
  readCsvFileRows,
  readJsonLinesFile,
  readTextFile,
  readWavFile,
  writeWavFile,
} from "./files.ts";
export { ImageFolder, type ImageFolderOptions } from "./image-folder.ts";
export { type Image, type ImageOptions, readImage } from "./images.ts";
export { type FashionItems, type MnistDigits, type MnistOptions, fashionMnist, mnist } from "./mnist.ts";
export { type DailyBirths, cars, dailyBirths, mobyDick, penguins } from "./package-data.ts";
