/** The program of a thread that helps with waves. Floor: runtime. */
import { portOfThread } from "../../base/thread.ts";
import { type HelperStart, help } from "./helper.ts";

portOfThread().listen((start) => help(start as HelperStart));
