
/* Draws the charts of the page: one series each, the target as a dashed line, the faults shaded.
   Colours come from the style sheet, so light, dark and print need no second list. */
(function () {
  "use strict";
  var charts = JSON.parse(document.getElementById("charts").textContent);
  var drawn = [];

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function text(chart, value) {
    if (value == null) return "no good answer";
    if (chart.measures === "share") return (100 * value).toFixed(value > 0.99 && value < 1 ? 2 : 1).replace(/\.0+$/, "") + "%";
    if (chart.measures === "milliseconds") return value >= 1000 ? +(value / 1000).toPrecision(3) + " s" : +value.toPrecision(3) + " ms";
    return String(+value.toPrecision(4));
  }

  function range(chart) {
    var values = chart.y.filter(function (value) { return value != null; }).concat([chart.threshold]);
    var low = Math.min.apply(null, values), high = Math.max.apply(null, values);
    if (chart.measures === "share") {
      var room = Math.max(0.02, (1 - low) * 0.12);
      return [Math.max(0, low - room), 1 + room * 0.35];
    }
    var lost = chart.never.indexOf(true) >= 0;
    return [Math.min(0, low), high * (lost ? 1.3 : 1.12) || 1];
  }

  function shade(chart) {
    return function (u) {
      var box = u.bbox, ratio = devicePixelRatio;
      u.ctx.save();
      u.ctx.beginPath();
      u.ctx.rect(box.left, box.top, box.width, box.height);
      u.ctx.clip();
      chart.faults.forEach(function (span) {
        var left = u.valToPos(span[0], "x", true), right = u.valToPos(span[1], "x", true);
        u.ctx.fillStyle = colour("--fault-soft");
        u.ctx.fillRect(left, box.top, Math.max(right - left, 1), box.height);
        u.ctx.fillStyle = colour("--fault");
        u.ctx.fillRect(left, box.top, ratio, box.height);
        u.ctx.fillRect(right - ratio, box.top, ratio, box.height);
      });
      u.ctx.restore();
    };
  }

  function overlay(chart) {
    return function (u) {
      var box = u.bbox, y = u.valToPos(chart.threshold, "y", true), ratio = devicePixelRatio;
      u.ctx.save();
      u.ctx.strokeStyle = colour("--ink");
      u.ctx.lineWidth = 1.5 * ratio;
      u.ctx.setLineDash([6 * ratio, 4 * ratio]);
      u.ctx.beginPath();
      u.ctx.moveTo(box.left, y);
      u.ctx.lineTo(box.left + box.width, y);
      u.ctx.stroke();
      u.ctx.setLineDash([]);
      u.ctx.fillStyle = colour("--bad");
      chart.never.forEach(function (lost, index) {
        if (!lost) return;
        var x = u.valToPos(chart.x[index], "x", true), size = 4 * ratio, top = box.top + 2 * ratio;
        u.ctx.beginPath();
        u.ctx.moveTo(x - size, top + 1.6 * size);
        u.ctx.lineTo(x + size, top + 1.6 * size);
        u.ctx.lineTo(x, top);
        u.ctx.fill();
      });
      u.ctx.restore();
    };
  }

  function axis(chart, format) {
    return {
      stroke: colour("--soft"), font: "12px system-ui, sans-serif", values: function (u, ticks) { return ticks.map(format); },
      grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, border: { show: false },
    };
  }

  function draw(chart) {
    var place = document.getElementById(chart.id), limits = range(chart);
    var x = axis(chart, function (value) { return value + " s"; }), y = axis(chart, function (value) { return text(chart, value); });
    x.grid.show = false;
    x.space = 70;
    y.size = 62;
    x.size = 28;
    var series = {
      stroke: colour("--series"), width: 1.75, spanGaps: false,
      points: { show: chart.x.length < 120, size: 4, fill: colour("--series") },
    };
    var readout = document.createElement("div");
    readout.className = "readout";
    place.replaceChildren(readout);
    return new uPlot({
      width: place.clientWidth, height: 190, padding: [8, 8, 0, 0],
      cursor: { y: false, points: { size: 7 } },
      legend: { show: false },
      scales: { x: { time: false }, y: { range: limits } },
      axes: [x, y],
      series: [{}, series],
      hooks: {
        drawClear: [shade(chart)], draw: [overlay(chart)],
        setCursor: [function (u) {
          var index = u.cursor.idx;
          var unknown = index == null || (chart.y[index] == null && !chart.never[index]);
          readout.textContent = unknown ? "" : chart.x[index].toFixed(1) + " s: " + text(chart, chart.y[index]);
        }],
      },
    }, [chart.x, chart.y], place);
  }

  function all() {
    drawn.forEach(function (plot) { plot.destroy(); });
    drawn = charts.map(draw);
  }

  window.addEventListener("beforeprint", function () {  // paper has nothing to click on
    document.querySelectorAll("details").forEach(function (item) { item.open = true; });
  });
  var waiting = 0;
  all();
  window.addEventListener("resize", function () { clearTimeout(waiting); waiting = setTimeout(all, 120); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  matchMedia("print").addEventListener("change", all);
})();
