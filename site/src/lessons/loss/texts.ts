import { lossEn } from "../../text/lessons/loss-en.ts";
import { lossZh } from "../../text/lessons/loss-zh.ts";
import { textsOf } from "../../text/text.ts";

export const texts = textsOf({ en: lossEn, zh: lossZh });
