export { type Credentials } from './credentials.js';
export { fetchWire, type FetchWireOptions } from './fetch-wire.js';
export { socketWire, type SocketWireOptions } from './socket-wire.js';
export { HeaderList, type Wire, type WireBody, type WireRequest, type WireResponse } from './wire.js';
export {
  runConformance,
  selectTests,
  type ConformanceOptions,
  type ConformanceReport,
  type TestResult,
} from './run.js';
export { countResults, formatResult, formatSummary, toJUnit, toJson } from './report.js';
export type { Profile, TestCase, TestContext } from './test-case.js';
