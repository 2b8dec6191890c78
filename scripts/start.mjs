/** `npm start -- [options]`: sets up what is missing, then trains on the digits through the command line interface. */
import { main, setup } from "./setup.mjs";

await main(async () => {
  setup({ build: true });
  process.argv.splice(2, 0, "train", "digits");
  await import(new URL("../dist/cli/main.js", import.meta.url).href);
});
