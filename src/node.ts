/** `twopass` in Node: the same as elsewhere, with the devices that only Node has. */
import "./tensor/node-devices.ts";

export * from "./index.ts";
