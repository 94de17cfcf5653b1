() => {
    const { activeElement: now } = document;
    const { outlineStyle, outlineWidth } = getComputedStyle(now);
    return [now.ariaLabel || now.textContent.trim(), outlineStyle, parseFloat(outlineWidth)];
}
