// SPDX-License-Identifier: Apache-2.0
// Starts the parts of the page.
"use strict";

for (const mark of document.querySelectorAll(".mark[data-model]")) paintMark(mark, Number(mark.dataset.model));
startPlot();
startList();
startPairs();
