/** All micro workloads by name. */
import { elementwise } from "./elementwise.ts";
import type { Micro } from "./micro.ts";
import { products } from "./products.ts";

export const micros: Readonly<Record<string, Micro>> = { ...products, ...elementwise };
