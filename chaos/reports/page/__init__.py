"""The HTML report's parts: what it says (content, charts), how it looks (page.html.j2, page.css, charts.js), uPlot."""
