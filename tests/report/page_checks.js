// What can only be measured where the page is shown. Returns lists; empty is in order.
function colour(text) {
  const parts = text.match(/[\d.]+/g).map(Number);
  return parts.length > 3 && parts[3] === 0 ? null : parts.slice(0, 3);
}
function luminance(rgb) {
  const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function ratio(one, other) {
  const [a, b] = [luminance(one), luminance(other)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}
function ground(element) {
  if (element instanceof SVGElement && element.parentNode.tagName === 'g')
    return colour(getComputedStyle(element.parentNode.querySelector('rect')).fill);
  for (let at = element; at; at = at.parentElement) {
    const found = colour(getComputedStyle(at).backgroundColor);
    if (found) return found;
  }
  return [255, 255, 255];
}
function texts() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), made = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() && !['title', 'desc', 'STYLE'].includes(element.tagName) && element.checkVisibility()) made.add(element);
  }
  return [...made];
}
function faint() {
  return texts().map(e => {
    const style = getComputedStyle(e), ink = colour(e.tagName === 'text' ? style.fill : style.color);
    return [ratio(ink, ground(e)), e.textContent.slice(0, 40)];
  }).filter(([r]) => r < 4.5);
}
function meeting() {
  const boxes = [...document.querySelectorAll('.figure svg text')].map(e => [e.getBBox(), e.textContent]), found = [];
  boxes.forEach(([a, one], i) => boxes.slice(i + 1).forEach(([b, two]) => {
    const wide = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
    const high = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
    if (wide > 0.5 && high > 1.5) found.push([one, two, wide, high]);
  }));
  return found;
}
function outside() {
  return [...document.querySelectorAll('.figure svg g')].flatMap(g => {
    const r = g.querySelector('rect').getBBox();
    return [...g.querySelectorAll('text')].filter(t => {
      const b = t.getBBox();
      return b.x < r.x || b.y < r.y || b.x + b.width > r.x + r.width + 0.5 || b.y + b.height > r.y + r.height + 0.5;
    }).map(t => t.textContent);
  });
}
function folded() {
  return [...document.querySelectorAll('details')].filter(d => ![...d.querySelectorAll('table')].every(t => t.checkVisibility({contentVisibilityAuto: true}) && t.getBoundingClientRect().height > 10)).map(d => d.textContent.slice(0, 40));
}
function unnamed() {
  return [...document.querySelectorAll('table')].filter(t => !t.caption || !t.querySelector('th')).map(t => t.textContent.slice(0, 40));
}
