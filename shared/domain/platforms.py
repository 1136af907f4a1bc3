"""Sites whose content is not their own: they rank, but are no company of the market."""

from typing import Final

_DOMAINS = """
amazon.ae amazon.ca amazon.co.jp amazon.co.uk amazon.com amazon.com.au amazon.com.br amazon.com.mx amazon.de
amazon.es amazon.fr amazon.in amazon.it amazon.nl amazon.pl amazon.sa amazon.se archive.org baidu.com
bilibili.com dailymotion.com ebay.co.uk ebay.com ebay.de etsy.com facebook.com fandom.com flickr.com
github.com glassdoor.com imdb.com indeed.com instagram.com issuu.com linkedin.com medium.com
pinterest.co.uk pinterest.com pinterest.de quora.com reddit.com researchgate.net scribd.com
slideshare.net snapchat.com stackexchange.com stackoverflow.com substack.com t.me telegram.org threads.net
tiktok.com tripadvisor.com trustpilot.com tumblr.com twitch.tv twitter.com vimeo.com vk.com weibo.com
whatsapp.com wikimedia.org wikipedia.org wordpress.com x.com xing.com yelp.com youtu.be youtube.com zhihu.com
"""
#: Registrable domains.
PLATFORMS: Final = frozenset(_DOMAINS.split())

#: Registrable domains of sites whose pages are players; their text says little.
VIDEO_HOSTS: Final = frozenset(
    [
        "bilibili.com",
        "dailymotion.com",
        "fb.watch",
        "tiktok.com",
        "twitch.tv",
        "vimeo.com",
        "youtu.be",
        "youtube.com",
        "youtube-nocookie.com",
    ]
)
