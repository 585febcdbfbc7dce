// The texts of charts, Chinese first.

import { addWords } from "./words.js";

addWords({
  chartKeys: ["用方向键逐个读数", "use the arrow keys to read each value"],
  noReadings: ["还没有读数。", "No readings yet."],
  noLibrary: ["没有安装图表库（安装时连不上 npm）：重新运行 make setup。", "The chart library is not installed (npm could not be reached): run make setup again."],
  asTable: ["读数表", "Readings as a table"],
  day: ["日期", "day"],
  numeratorOverDenominator: ["分子 / 分母", "numerator / denominator"],
});
