() => {
    const { activeElement: now } = document;
    if (now === document.body) return null;
    const { outlineStyle, outlineWidth } = getComputedStyle(now);
    return [now.ariaLabel || now.textContent.trim(), outlineStyle, parseFloat(outlineWidth)];
}
