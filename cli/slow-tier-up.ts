import { setFlagsFromString } from 'node:v8';

/** What a function of WebAssembly may execute before it is compiled again, in what V8 counts; its default is 1,800,000. */
const BUDGET = 1_000_000_000;

/** The last major version of Node whose engine has so small a budget; later ones have more by default. */
const NEWEST = 22;

/**
 * For the process of a command. The parser of HTTP is WebAssembly, and its largest function uses up V8's budget with the
 * first answer: the better code takes 70 ms of a processor and 40 MB, and the process cannot end before it is there, when
 * most commands have long been done. Transfers that go on for long get it all the same.
 */
export function delayTierUp(): void {
  if (Number.parseInt(process.versions.node) <= NEWEST) setFlagsFromString(`--wasm-tiering-budget=${BUDGET}`);
}
