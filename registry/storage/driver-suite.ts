export { bytesSuite, type BytesSuiteOptions, type BytesUnderTest } from './bytes-suite.js';
export { recordsSuite, type RecordsSuiteOptions, type RecordsUnderTest } from './records-suite.js';
export type { TestFunction } from './suite.js';
export type { Appender, Bytes, Location } from './bytes.js';
export type { CommitOptions, Operation, Precondition, RangeOptions, Records } from './records.js';
