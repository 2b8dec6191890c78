import { chainRuleEn } from "../../text/lessons/chain-rule-en.ts";
import { chainRuleZh } from "../../text/lessons/chain-rule-zh.ts";
import { textsOf } from "../../text/text.ts";

export const texts = textsOf({ en: chainRuleEn, zh: chainRuleZh });
