() => {
    const box = (element) => {
        const { x, y, width, height } = element.getBBox();
        return [x, y, x + width, y + height];
    };
    const all = (query) => [...document.querySelectorAll(query)].map(box);
    return { labels: all(".overlay .label"), plates: all(".mark.plate .shape") };
}
